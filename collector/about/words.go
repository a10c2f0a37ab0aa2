package about

import (
	"fmt"
	"strings"
	"time"

	"safelight/internal/notice"
)

// Notice words the facts. Every sentence holds for them, or says that nobody has
// decided it.
func (f Facts) Notice() notice.Notice {
	n := notice.Notice{School: f.School, Address: f.Address, AsOf: f.AsOf}
	if f.Address != "" {
		n.Worry = f.Address + "/worry"
	}
	for _, s := range []notice.Section{
		f.what(), f.records(), f.never(), f.told(), f.read(), f.wrong(), f.ask(), f.kept(), f.where(), f.looksFor(), f.counts(), f.adults(), f.changes(), f.more(),
	} {
		if len(s.Lead)+len(s.Points)+len(s.After) > 0 {
			n.Sections = append(n.Sections, s)
		}
	}
	return n
}

func (f Facts) what() notice.Section {
	s := notice.Section{ID: "what", Title: "What Safelight is", Lead: []string{
		"A program on school computers. It looks out for signs that someone may need help. It does not block anything.",
	}}
	if f.Trial {
		s.After = []string{"This is a trial. It is for made-up people only."}
	}
	return s
}

func (f Facts) records() notice.Section {
	s := notice.Section{ID: "records", Title: "What it records"}
	if f.Rules == nil {
		s.Lead = []string{"Nothing yet. The school has not chosen its lists. This page will say what they are about."}
		return s
	}
	s.Lead = []string{"Only things that match one of the school’s lists. This page says below what they are about. Then it records:"}
	s.Points = []string{"The name of the site or program, and what it matched."}
	if f.Searches {
		s.Points = append(s.Points, "Words that you search for, if they match a list.")
	}
	s.Points = append(s.Points, "Which account was signed in, which computer, on which network, and when.")
	s.After = []string{"Everything else stays on the computer. It is counted there, and then forgotten."}
	return s
}

func (f Facts) looksFor() notice.Section {
	s := notice.Section{ID: "lists", Title: "What the lists are about"}
	if f.Rules == nil || len(f.Rules.Told) == 0 {
		return s
	}
	s.Lead = []string{"An adult at school may be told if something matches one of these:"}
	s.Points = plainAll(f.Rules.Told)
	s.After = []string{"You may have a good reason to look something up, such as a lesson or a friend. An adult can ask you."}
	return s
}

func (f Facts) counts() notice.Section {
	s := notice.Section{ID: "counts", Title: "What nobody is told"}
	if f.Rules == nil || len(f.Rules.Noted) == 0 {
		return s
	}
	s.Lead = []string{"The computer only counts these, and nobody is told:"}
	s.Points = plainAll(f.Rules.Noted)
	return s
}

func (f Facts) never() notice.Section {
	s := notice.Section{ID: "never", Title: "What it does not record", Points: append([]string{}, notice.Never...)}
	if !f.Searches {
		s.Points = append(s.Points, "What you type into a search box. Searches are not seen.")
	}
	if f.Rules != nil && len(f.Rules.Off) > 0 {
		s.After = []string{fmt.Sprintf("Words in %s are switched off. No speaker has checked them yet.", list(namesOf(f.Rules.Off)))}
	}
	return s
}

func (f Facts) where() notice.Section {
	s := notice.Section{ID: "where", Title: "At home, and on your own phone"}
	switch {
	case f.Rules == nil:
	case f.Rules.AtHome:
		s.Lead = append(s.Lead, "A school computer does the same at home as at school, at any time of day.")
	default:
		s.Lead = append(s.Lead, "A school computer does this only at school, and not at home.")
	}
	s.Lead = append(s.Lead, "Safelight is not on your own phone or computer.")
	switch logs := f.Own.NetworkLogs; {
	case logs == nil:
		s.Lead = append(s.Lead, "On the school’s Wi-Fi the names of sites may be seen all the same. Ask the school.")
	case *logs:
		s.Lead = append(s.Lead, "On the school’s Wi-Fi it sees the names of sites, even on your own phone.")
	default:
		s.Lead = append(s.Lead, "It does not read the logs of the school’s Wi-Fi either.")
	}
	return s
}

func (f Facts) told() notice.Section {
	s := notice.Section{ID: "told", Title: "Who sees it"}
	who := "The adult in charge of keeping pupils safe (the DSL)"
	switch {
	case f.DSLs+f.Deputies == 0:
		s.Lead = []string{"Nobody yet. The school has not said who looks after this. Do not wait for anyone: use the numbers above."}
		return s
	case f.DSLs == 0:
		who = "The adults who stand in for the one in charge of keeping pupils safe (deputy DSLs)"
	case f.DSLs > 1:
		who = "The adults in charge of keeping pupils safe (the DSLs)"
	}
	if f.Own.Lead != "" {
		who += ", " + f.Own.Lead + ","
	}
	switch {
	case f.DSLs == 0:
	case f.Deputies == 1:
		who += " and one deputy"
	case f.Deputies > 1:
		who += fmt.Sprintf(" and %s deputies", number(f.Deputies))
	}
	s.Lead = []string{who + ".", "Other teachers do not see it. The people who look after the computers do not see it either. Each time someone looks, that is written down."}
	return s
}

func (f Facts) read() notice.Section {
	s := notice.Section{ID: "read", Title: "When somebody reads it"}
	if f.Own.ReadingHours != "" {
		s.Lead = append(s.Lead, "Staff read it at these times: "+sentence(f.Own.ReadingHours))
	}
	switch f.Own.OutOfHours {
	case NotRead:
		s.Lead = append(s.Lead, "It is not read out of hours. Nobody at school reads it at night, at weekends or in the holidays.")
	case Rota:
		s.Lead = append(s.Lead, "At night, at weekends and in the holidays an adult on duty gets a message. They may not see it at once.")
	case Service:
		s.Lead = append(s.Lead, "At night, at weekends and in the holidays someone outside the school gets a message. They may not see it at once.")
	default:
		s.Lead = append(s.Lead, "The school has not said yet who reads it at night, at weekends or in the holidays. Think of it as nobody.")
	}
	s.After = []string{
		"Something can arrive at 10 at night and be read the next morning. So never wait for Safelight. In danger call 999. Childline and Samaritans answer at any time.",
	}
	return s
}

func (f Facts) wrong() notice.Section {
	return notice.Section{ID: "wrong", Title: "It can be wrong", Lead: []string{
		"An alert is a sign to check, not proof of anything. Sites can load by themselves. Someone else may have used your account. " +
			"Nobody should decide anything from an alert alone.",
	}}
}

func (f Facts) ask() notice.Section {
	s := notice.Section{ID: "ask", Title: "You can ask", Lead: []string{
		"You or your parents can ask what is recorded about you, and ask to see it. If it is wrong, say so, and ask for what you say to be kept with it.",
	}}
	if reach := f.Own.Contact.reach(); reach != "" {
		s.Lead = append(s.Lead, "Ask: "+sentence(reach))
	} else {
		s.Lead = append(s.Lead, "Ask at the school office. The school has not put a name here yet.")
	}
	s.Lead = append(s.Lead, "If the answer does not help, you can ask the Information Commissioner’s Office (ico.org.uk).")
	return s
}

func (f Facts) kept() notice.Section {
	s := notice.Section{ID: "kept", Title: "How long it is kept"}
	if f.Kept == 0 {
		s.Lead = []string{"The school has not said yet. Ask."}
		return s
	}
	s.Lead = []string{fmt.Sprintf("%d days. Then it is removed. Who looked at it stays written down.", int(f.Kept/(24*time.Hour)))}
	return s
}

func (f Facts) adults() notice.Section {
	s := notice.Section{ID: "adults", Title: "Adults at the school"}
	if f.Rules == nil {
		return s
	}
	if len(f.Rules.Staff) == 0 {
		s.Lead = []string{"Adults who work at the school are not looked at."}
		return s
	}
	s.Lead = []string{"For adults who work or visit at the school, it looks for these alone:"}
	s.Points = plainAll(f.Rules.Staff)
	s.After = []string{"In this version alerts about adults are kept back, and shown to nobody."}
	return s
}

func (f Facts) changes() notice.Section {
	if f.Rules == nil {
		return notice.Section{}
	}
	return notice.Section{ID: "changes", Title: "If this changes", Lead: []string{
		"It takes two people to make it look for more. This page then changes too. So does the copy on each school computer.",
	}}
}

func (f Facts) more() notice.Section {
	s := notice.Section{ID: "more", Title: "More from the school"}
	for p := range strings.SplitSeq(f.Own.More, "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			s.Lead = append(s.Lead, p)
		}
	}
	return s
}

// sentence ends what the school wrote with a full stop, unless it has an end.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

var numbers = []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

func number(n int) string {
	if n < len(numbers) {
		return numbers[n]
	}
	return fmt.Sprint(n)
}

// worry is whom a pupil may go to at school.
func (f Facts) worry() notice.Section {
	s := notice.Section{ID: "school", Title: "Talk to someone at school"}
	s.Lead = []string{"You can go to any adult at school whom you trust. You do not need to have proof."}
	s.Points = append(s.Points, f.Own.TalkTo...)
	if f.Own.Lead != "" {
		s.Points = append(s.Points, f.Own.Lead+", who is in charge of keeping pupils safe")
	}
	s.After = []string{"You cannot write to the school from this page yet. Nothing here sends a message to anyone."}
	if f.Own.ReadingHours != "" {
		s.After = append(s.After, "Adults at school are there at these times: "+sentence(f.Own.ReadingHours)+" At other times use the numbers above.")
	} else {
		s.After = append(s.After, "At night, at weekends and in the holidays use the numbers above.")
	}
	return s
}
