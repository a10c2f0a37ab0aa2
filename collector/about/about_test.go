package about

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/internal/notice"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// shipped are the rules that ship, compiled once.
var shippedRules *rules.Ruleset

func shipped(t testing.TB) *rules.Ruleset {
	t.Helper()
	if shippedRules == nil {
		files, err := packdir.Shipped()
		if err != nil {
			t.Fatal(err)
		}
		if shippedRules, err = rules.Compile(files); err != nil {
			t.Fatal(err)
		}
	}
	return shippedRules
}

// school is a school that has decided everything.
func school(t testing.TB) Facts {
	logs := true
	return Facts{
		School: "Larkmoor School", Trial: true, Kept: 30 * 24 * time.Hour, Address: "https://safelight.larkmoor.example:8444",
		DSLs: 1, Deputies: 2, Rules: FromRules(shipped(t)), AsOf: "3 September 2026",
		Own: Own{
			Contact: Contact{Name: "the school office", Phone: "01632 960123", Email: "office@larkmoor.example"}, TalkTo: []string{"your form tutor", "anyone in the Hub"},
			ReadingHours: "school days, 8:00 to 16:00", OutOfHours: NotRead, NetworkLogs: &logs, More: "Our governors look at this page each term.",
		},
	}
}

func text(t testing.TB, f Facts) string {
	t.Helper()
	r, err := Render(f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(r.Text)), " ")
}

func says(t testing.TB, f Facts, want ...string) {
	t.Helper()
	got := text(t, f)
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("the page does not say %q:\n%s", w, got)
		}
	}
}

func silent(t testing.TB, f Facts, never ...string) {
	t.Helper()
	got := text(t, f)
	for _, n := range never {
		if strings.Contains(got, n) {
			t.Errorf("the page says %q:\n%s", n, got)
		}
	}
}

func TestG01HelplinesStandFirstInEveryForm(t *testing.T) {
	r, err := Render(school(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string][]byte{"page": r.Page, "worry": r.Worry, "copy": r.Copy, "text": r.Text} {
		got := string(form)
		at, first := strings.Index(got, "0800 1111"), strings.Index(got, "What Safelight is")
		if at < 0 || first >= 0 && at > first || !strings.Contains(got, "999") || !strings.Contains(got, "116 123") {
			t.Errorf("%s: helplines are missing or come late", name)
		}
	}
	says(t, school(t), "Visits to Childline or other helplines. Never.")
}

func TestG02SearchesAreSaidNotToBeSeenUntilTheyAre(t *testing.T) {
	f := school(t)
	says(t, f, "Searches are not seen.")
	silent(t, f, "Words that you search for")
	f.Searches = true
	says(t, f, "Words that you search for, if they match a list.")
	silent(t, f, "Searches are not seen")
}

func TestG04WhatIsNotReadOutOfHoursIsSaidWithWhomToCall(t *testing.T) {
	f := school(t)
	says(t, f, "It is not read out of hours. Nobody at school reads it at night", "In danger call 999", "be read the next morning", "school days, 8:00 to 16:00.")
	f.Own.OutOfHours = ""
	says(t, f, "The school has not said yet who reads it at night", "Think of it as nobody")
	f.Own.OutOfHours = Rota
	says(t, f, "an adult on duty gets a message. They may not see it at once")
	f.Own.OutOfHours = Service
	says(t, f, "someone outside the school gets a message")
	f.DSLs, f.Deputies = 0, 0
	says(t, f, "Nobody yet. The school has not said who looks after this.")
}

func TestG06LanguagesThatAreOffAreNamed(t *testing.T) {
	says(t, school(t), "Words in Arabic, ", " and Welsh are switched off. No speaker has checked them yet.")
}

// A language that has weighed words and no phrase is off, and named, like any other.
func TestG06ALanguageOfWeighedWordsAloneIsNamed(t *testing.T) {
	off := unreviewed(slices.Values([]rules.Brief{{Kind: rules.RuleWeighed, Lang: "mt"}, {Kind: rules.RulePhrase, Lang: "cy"}, {Kind: rules.RuleWeighed, Lang: "cy", Reviewed: true}}))
	if !slices.Equal(off, []string{"mt"}) {
		t.Errorf("off: %v", off)
	}
}

const widened = `category: kites
title: Kites
noun: kites
about: Kites that are flown over roads.
purpose: safeguarding
risk: ordinary
severity: medium
owner: DSL
why: A trial of the page.
action: {pupil: %s}
first_steps: [Ask.]
helplines: [Childline 0800 1111]
domains: [kites.example]
tests:
  hit: [{domain: kites.example}]
  miss: [a kite in the wind]
`

func withKites(t *testing.T, action string) *Rules {
	t.Helper()
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasPrefix(name, "protected/") }) // the rest takes long
	files["school/pack.yaml"] = []byte("pack: our-school\nversion: 1\ntitle: Ours\n")
	files["school/kites.yaml"] = []byte(strings.Replace(widened, "%s", action, 1))
	set, err := rules.Compile(files)
	if err != nil {
		t.Fatal(err)
	}
	return FromRules(set)
}

func TestG07WhatIsLookedForMoreStandsOnThePage(t *testing.T) {
	f := school(t)
	silent(t, f, "Kites")
	f.Rules = withKites(t, "alert")
	says(t, f, "Kites: Kites that are flown over roads.", "It takes two people to make it look for more.")
}

func TestG08WhatStaysOnTheDeviceIsSaidToTellNobody(t *testing.T) {
	got := text(t, school(t))
	counted, after := strings.Index(got, "The computer only counts these, and nobody is told"), strings.Index(got, "Adults at the school")
	if games := strings.Index(got, "* Games"); counted < 0 || games < counted || games > after {
		t.Errorf("games (behaviour, kept on the device) stand at %d, what is only counted at %d to %d", games, counted, after)
	}
}

func TestG09AdultsAtWorkReadThatTheyAreLookedAtForLess(t *testing.T) {
	got := text(t, school(t))
	adults := got[strings.Index(got, "Adults at the school"):]
	if !strings.Contains(adults, plainWords["contact-outside-school"]) || strings.Contains(adults, plainWords["gambling"]) {
		t.Errorf("got %s", adults)
	}
}

func TestG20WhoAsksIsToldWhomToAskAndThatItCanBeWrong(t *testing.T) {
	f := school(t)
	says(t, f, "An alert is a sign to check, not proof of anything", "Ask: the school office, 01632 960123, office@larkmoor.example.", "If it is wrong, say so")
	f.Own.Contact = Contact{}
	says(t, f, "Ask at the school office. The school has not put a name here yet.")
}

func TestNamesStandThereOnlyWhereTheSchoolSaysSo(t *testing.T) {
	f := school(t)
	says(t, f, "(the DSL) and two deputies.")
	f.Own.Lead = "Demo Lead"
	says(t, f, "(the DSL), Demo Lead, and two deputies.")
}

func TestBeforeThereAreRulesThePageSaysThatNothingIsRecorded(t *testing.T) {
	f := school(t)
	f.Rules = nil
	says(t, f, "Nothing yet. The school has not chosen its lists.")
	silent(t, f, "Then it records", "Adults at the school", "at home as at school")
}

func TestWhereItLooksIsSaidAsTheRulesHaveIt(t *testing.T) {
	f := school(t)
	says(t, f, "A school computer does the same at home as at school", "it sees the names of sites, even on your own phone")
	f.Rules.AtHome, f.Own.NetworkLogs = false, nil
	says(t, f, "only at school, and not at home", "Ask the school.")
	no := false
	f.Own.NetworkLogs = &no
	says(t, f, "It does not read the logs of the school’s Wi-Fi either.")
}

// Each category is judged at home unless all its rules are for the premises.
func TestRulesForThePremisesAloneAreNotSaidToReachHome(t *testing.T) {
	p := &rules.Policy{Scopes: []rules.Scope{{}, {Premises: "on"}}}
	all := []rules.Brief{{Kind: rules.RuleDomain, Scope: 1}}
	if got := judgedBy(p, slices.Values(all))[0]; !got.any || got.away {
		t.Errorf("got %+v", got)
	}
	all = append(all, rules.Brief{Kind: rules.RuleAllowDomain})
	if got := judgedBy(p, slices.Values(all))[0]; got.away {
		t.Error("an allow was taken for something that looks")
	}
	all = append(all, rules.Brief{Kind: rules.RuleList})
	if got := judgedBy(p, slices.Values(all))[0]; !got.away {
		t.Error("a rule for everywhere was overlooked")
	}
}

func TestEachShippedCategoryHasWordsForAChild(t *testing.T) {
	for _, c := range shipped(t).Categories() {
		if plainWords[c.ID] == "" {
			t.Errorf("category %s has no plain words in plain.go", c.ID)
		}
	}
}

// The numbers are the packs', which a safeguarding lead reads: two lists must not
// come to say two things.
func TestTheHelplinesAreThoseOfThePacks(t *testing.T) {
	var all strings.Builder
	for _, c := range shipped(t).Categories() {
		all.WriteString(strings.Join(c.Helplines, "\n") + "\n")
	}
	for _, h := range notice.Helplines[1:] { // 999 is nobody's line
		number := strings.ToLower(h.Say)
		if !strings.Contains(strings.ToLower(all.String()), number) {
			t.Errorf("no pack names %s", h.Say)
		}
	}
	for _, h := range notice.Report {
		host := strings.SplitN(strings.TrimPrefix(h.Link, "https://www."), "/", 2)[0]
		if !rules.IsHelpline(host) {
			t.Errorf("%s is no helpline's site: a visit to it from here could be recorded (G1)", host)
		}
	}
}

func TestTheSameFactsMakeTheSameBytes(t *testing.T) {
	a, err := Render(school(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Render(school(t))
	if err != nil || string(a.Copy) != string(b.Copy) || string(a.Text) != string(b.Text) {
		t.Errorf("every device would fetch the page again each minute: %v", err)
	}
}

func TestTheSchoolsWordsAreTextAndNothingElse(t *testing.T) {
	f := school(t)
	f.School, f.Own.More, f.Own.TalkTo = "<script>x</script>", "<b>bold</b>\n\nsecond", []string{`"><img src=x>`}
	r, err := Render(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range [][]byte{r.Page, r.Worry, r.Copy} {
		for _, bad := range []string{"<script", "<b>", "<img"} {
			if strings.Contains(string(form), bad) {
				t.Errorf("%q came through", bad)
			}
		}
	}
}

func TestWhatTheSchoolWroteWrongIsRefusedByItsKey(t *testing.T) {
	for key, o := range map[string]Own{
		"about.address":       {Address: "https://about.example/?q"},
		"about.behind_proxy":  {BehindProxy: true},
		"about.contact.email": {Contact: Contact{Email: "office at school"}},
		"about.contact.phone": {Contact: Contact{Phone: "ring us"}},
		"about.contact.name":  {Contact: Contact{Name: "a\x00b"}},
		"about.lead":          {Lead: strings.Repeat("x", maxWord+1)},
		"about.reading_hours": {ReadingHours: "\x1b[31m"},
		"about.more":          {More: strings.Repeat("x", maxMore+1)},
		"about.talk_to: ":     {TalkTo: make([]string, maxTalk+1)},
		"about.talk_to[0] is": {TalkTo: []string{" "}},
		"about.talk_to[0]: ":  {TalkTo: []string{"a\x00b"}},
		"about.out_of_hours":  {OutOfHours: "sometimes"},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v", key, err)
		}
	}
	if err := school(t).Own.Validate(); err != nil {
		t.Error(err)
	}
}
