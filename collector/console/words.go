package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// The sentences that people read about an alert. Each says what a device saw
// and how, never what somebody did (G2, G15).

const (
	wordsEnterEmail           = "Enter your e-mail address"
	wordsEmailForm            = "Enter an e-mail address, like name@school.example"
	wordsEnterPassword        = "Enter your password"
	wordsNoMatch              = "The e-mail address and password do not go together. Check both and try again"
	wordsBusy                 = "Many people are signing in just now. Try again in a few seconds"
	wordsEnterNewPassword     = "Enter a password"
	wordsPasswordShort        = "The password needs at least 12 characters. Three or four words are easy to remember"
	wordsPasswordLong         = "The password is longer than 512 bytes. Use a shorter one"
	wordsPasswordIsEmail      = "The password must not be your e-mail address"
	wordsPasswordOneCharacter = "The password must not be one character over and over"
	wordsConfirm              = "The two passwords are not the same. Type them again"

	wordsSign       = "A sign to look further, not a finding."
	wordsMostHarm   = "Most harm leaves no trace here."
	wordsSeen       = "Sites and programs only; searches are not seen."
	wordsNotAPerson = "An account is not a person. Others may use the same device."
	wordsNoAccount  = "No account is known for this. Anyone may have been using the device."
	wordsErasedHow  = "How it was seen was erased with it."
	// Somebody must find out why: a backup may have it whole.
	wordsUnreadableHow = "How it was seen cannot be opened either. Tell whoever looks after the server: a backup may hold it whole."
	wordsWhyNotKnown   = "Who was at the keyboard, or why. It may be for a lesson, or about a friend."
)

func wordsWait(wait time.Duration) string {
	return "There were failed tries with this e-mail address. Wait " + duration(wait) + ", then try again"
}

// fallbackSteps stand where a category brings none (G20).
var fallbackSteps = []string{
	"Life at risk? Call 999 and stay with the pupil.",
	"See the pupil in person, today, somewhere private.",
	"Listen. Do not promise to keep it secret.",
	"Write down what they say, in their words.",
}

// yearGroup writes a year as schools say it.
func yearGroup(year string) string {
	year = strings.TrimSpace(year)
	switch {
	case year == "":
		return ""
	case strings.EqualFold(year, "R"):
		return "Reception"
	case strings.Trim(year, "0123456789") == "":
		return "Year " + year
	}
	return year
}

// nobody says that no account was seen. One that cannot be read was.
func nobody(s model.Subject) bool { return s.Account == "" && !s.Unreadable }

// shortWho begins a row: "Year 9, signed in on ". Of an account that a log gave
// nobody knows what device it was on: the one named here only follows the log.
func shortWho(s model.Subject, via event.Via) string {
	if !s.Erased.IsZero() {
		return "Somebody whose record was erased, on "
	}
	if via == event.ViaLog {
		return capital(whose(s)) + ", in a log on "
	}
	switch {
	case nobody(s):
		return "No one known to be signed in, on "
	case !s.Known:
		return "An account not on the roster, signed in on "
	case s.Role != model.RolePupil:
		return capital(roleNoun(s.Role)) + ", signed in on "
	case yearGroup(s.Year) != "":
		return yearGroup(s.Year) + ", signed in on "
	}
	return "A pupil, signed in on "
}

// whose says whose account a log gave: "a Year 9 pupil’s account".
func whose(s model.Subject) string {
	switch {
	case nobody(s):
		return "no account"
	case !s.Known:
		return "an account not on the roster"
	case s.Role == model.RolePupil && yearGroup(s.Year) != "":
		return "a " + yearGroup(s.Year) + " pupil’s account"
	}
	return roleNoun(s.Role) + "’s account"
}

// longWho begins the alert's headline: "Signed in as a Year 9 pupil on ".
func longWho(s model.Subject, via event.Via) string {
	if via == event.ViaLog || !s.Erased.IsZero() {
		return shortWho(s, via)
	}
	switch {
	case nobody(s):
		return "No one known to be signed in, on "
	case !s.Known:
		return "Signed in with an account not on the roster, on "
	case s.Role != model.RolePupil:
		return "Signed in as " + roleNoun(s.Role) + " on "
	case yearGroup(s.Year) != "":
		return "Signed in as a " + yearGroup(s.Year) + " pupil on "
	}
	return "Signed in as a pupil on "
}

func roleNoun(r model.Role) string {
	switch r {
	case model.RoleAdultLearner:
		return "an adult learner"
	case model.RoleStaff:
		return "a member of staff"
	case model.RoleContractor:
		return "a contractor"
	case model.RoleVolunteer:
		return "a volunteer"
	case model.RoleGovernor:
		return "a governor"
	case model.RoleVisitor:
		return "a visitor"
	case model.RoleHead:
		return "the head"
	case model.RolePupil:
		return "a pupil"
	}
	return "somebody not on the roster"
}

// whatSeen is the heart of a headline.
func whatSeen(e model.Event, noun string) string {
	switch {
	case e.Erased:
		return "something on the " + noun + " list was seen"
	case isWeighed(e) && e.Help:
		return "a search held words that together are often on the " + noun + " list, and reads as someone asking for help"
	case isWeighed(e):
		return "a search held words that together are often on the " + noun + " list"
	case e.Kind == event.Search && e.Help:
		return "a search matched " + noun + " words, and reads as someone asking for help"
	case e.Kind == event.Process:
		return "a program on the " + noun + " list started"
	case e.Kind == event.Search:
		return "a search matched " + noun + " words"
	case e.Outcome == model.OutcomeAttempted:
		return "a site on the " + noun + " list was asked for, and not reached"
	}
	return "a site on the " + noun + " list was asked for"
}

// erasedLine says what of an alert is not there any more.
func erasedLine(s model.Subject, zone *time.Location) string {
	return "The name, the account and what was seen were erased on " + s.Erased.In(zone).Format("2 January 2006") + ": " +
		strings.TrimSuffix(s.ErasedWhy, ".") + ". That there was an alert, when, and what was done about it stays."
}

// caveat is the one thing a row says is not known.
func caveat(e model.Event) string {
	switch {
	case e.Unreadable:
		return "What it was cannot be opened: its record in the database is damaged."
	case e.Erased:
		return "What it was is erased."
	case e.Kind == event.Process:
		return "Many programs have ordinary uses."
	case e.Kind == event.Search:
		return "One search is not a pattern."
	case e.ThirdParty:
		return "It may be a part of some other page, such as an advert."
	case e.Outcome == model.OutcomeConnected:
		return "What was on the page is not known; a page can load parts of other sites by itself."
	case e.Outcome == model.OutcomeAttempted:
		return "No connection to it was seen."
	}
	return "Whether the site opened is not known."
}

// cameLate says why something arrived long after it was seen.
func cameLate(e model.Event, arrived string) string {
	if e.Via == event.ViaLog {
		return "The log was read later, so it arrived " + arrived + "."
	}
	return "The device could not reach us, so it arrived " + arrived + "."
}

// times says how often.
func times(n int) string {
	switch {
	case n <= 1:
		return "Once."
	case n == 2:
		return "Twice."
	}
	return fmt.Sprintf("%d times.", n)
}

// howSeen says how the name came to be known.
func howSeen(e model.Event, device string) string {
	if e.Unreadable {
		return wordsUnreadableHow
	}
	if e.Erased {
		return wordsErasedHow
	}
	switch e.Via {
	case event.ViaDNS:
		return device + " looked up the site’s name (DNS)."
	case event.ViaTLS:
		return device + " began an encrypted connection that named the site (TLS)."
	case event.ViaQUIC:
		return device + " began an encrypted connection that named the site (QUIC)."
	case event.ViaHTTP:
		return device + " began an unencrypted connection that named the site (HTTP)."
	case event.ViaLog:
		return "A log followed on " + device + " named the site. It was written by the school’s proxy or filter."
	case event.ViaBrowser:
		return "The browser on " + device + " told Safelight."
	case event.ViaExec:
		return device + " reported the program as it started."
	case event.ViaPoll:
		return "The program was found among those running on " + device + "."
	}
	return device + " reported it."
}

// howAccount says how the account is known.
func howAccount(e model.Event, s model.Subject) string {
	if !s.Erased.IsZero() {
		return ""
	}
	if nobody(s) {
		return wordsNoAccount
	}
	if e.Via == event.ViaLog {
		return "The log gave the account."
	}
	out := "The operating system gave the account."
	if e.From.RunsAs != "" {
		out = "The operating system gave the account that signed in; the program ran with another’s rights."
	}
	if e.From.Remote != "" {
		out += " The person was signed in from elsewhere" + remotely[e.From.Remote] + ", not at the device itself."
	}
	return out
}

var remotely = map[event.Remote]string{event.RemoteRDP: " by remote desktop", event.RemoteSSH: " by remote terminal (SSH)"}

// whoNotSeen says why no account is known, for people who know no operating
// system.
var whoNotSeen = map[event.Reason]string{
	event.ReasonExited:       "Whose it was: the program had ended before the device could look.",
	event.ReasonNoHolder:     "Whose it was: the device could not tell which program the connection belonged to.",
	event.ReasonNotPermitted: "Whose it was: Safelight is not allowed to look at that program.",
	event.ReasonResolver:     "Who asked: the device looks names up for everybody who uses it, and does not say for whom.",
	event.ReasonKernel:       "Whose it was: the operating system itself made the connection.",
	event.ReasonContainer:    "Whose it was: it ran in a container, a closed-off part of the device with accounts of its own.",
	event.ReasonNoName:       "Whose it was: the account it ran under has no name on the device.",
	event.ReasonDirectory:    "Whose it was: the school’s directory of accounts did not answer the device in time.",
	event.ReasonSeveral:      "Whose it was: more than one account could have been meant.",
	event.ReasonUnsupported:  "Whose it was: this kind of device does not tell.",
}

// howProgram names the program that asked, where that is known.
func howProgram(e model.Event) string {
	if e.Kind == event.Process || e.Process == "" {
		return ""
	}
	return "The program that asked was " + e.Process + "."
}

// saidHere are the rules engine's standing remarks; notSeen says the same in
// the console's own words.
var saidHere = map[string]bool{
	"domain only; page content unknown":                              true,
	"search words only; what was opened afterwards is unknown":       true,
	"program start only; what was done with it is unknown":           true,
	"who was at the device is not known; an account is not a person": true,
	searchesUnseen: true,
}

// searchesUnseen is what a device that sees no search words says with each event
// (rules.SearchesUnseen; G2).
const searchesUnseen = "sites and programs only; searches are not seen"

// notSeen lists what nobody can know from this alert. What the rule remarks
// about this event comes first.
func notSeen(e model.Event) []string {
	out := make([]string, 0, len(e.NotSeen)+3)
	for _, s := range e.NotSeen {
		if !saidHere[s] {
			out = append(out, sentence(s))
		}
	}
	if words, ok := whoNotSeen[e.From.Reason]; ok && e.Account == "" {
		out = append(out, words)
	}
	switch e.Kind {
	case event.Process:
		out = append(out, "What the program was used for, and anything typed or shown in it.")
	case event.Domain:
		out = append(out, "Any page, message or picture: only the site’s name was seen.")
	case event.Search:
		out = append(out, "The results, and any page that was opened.")
	}
	out = append(out, wordsWhyNotKnown)
	if e.Kind != event.Search && (len(e.NotSeen) == 0 || slices.Contains(e.NotSeen, searchesUnseen)) {
		out = append(out, wordsSeen)
	}
	return out
}

// listed says what was seen without showing it; likeness, that it is told for words
// that count together alone, of which none is on the list (G15).
func listed(kinds map[event.Kind]int, noun string, likeness bool) string {
	var parts []string
	for _, k := range []struct {
		kind      event.Kind
		one, many string
	}{{event.Domain, "one site name", "%d site names"}, {event.Process, "one program’s name", "%d programs’ names"}, {event.Search, "one search", "%d searches"}} {
		switch n := kinds[k.kind]; {
		case n == 1:
			parts = append(parts, k.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf(k.many, n))
		}
	}
	on := ", on the "
	if likeness {
		on = ", with words that together are often on the "
	}
	return capital(strings.Join(parts, " and ")) + on + noun + " list."
}

// dutyNoun is a user's duty in a sentence.
func dutyNoun(d model.Duty) string {
	switch d {
	case model.DutyDSL:
		return "DSL"
	case model.DutyDeputy:
		return "deputy"
	case model.DutyHead:
		return "head"
	case model.DutyIT:
		return "IT"
	}
	return string(d)
}

// capital raises the first letter.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// sentence gives a rule's phrase a capital and a full stop.
func sentence(s string) string {
	s = capital(strings.TrimSpace(s))
	if s != "" && !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// plural writes "1 alert", "2 alerts".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return num(n) + " " + many
}

// num writes a number as people read it: "1,045".
func num(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
