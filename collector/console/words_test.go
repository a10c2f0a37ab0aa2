package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// blaming are words that no page, mail or sentence ever uses (G15).
var blaming = regexp.MustCompile(`(?i)\b(caught|offend\w*|violat\w*|suspicious|suspect\w*|culprit|guilty|perpetrat\w*|attempted to|visited|searched for|looked at porn|inappropriate|breach|illegal activity|misuse\w*|naughty|criminal)\b`)

func TestG15NoSentenceBlames(t *testing.T) {
	var lines []string
	roles := append([]model.Role{model.RoleUnknown, "made-up"}, model.Roles...)
	for _, role := range roles {
		for _, s := range []model.Subject{{}, {Account: "a"}, {Account: "a", Known: true, Role: role}, {Account: "a", Known: true, Role: role, Year: "9"}, {Account: "a", Known: true, Role: role, Year: "R"}} {
			lines = append(lines, nameOf(s))
			for _, via := range []event.Via{event.ViaTLS, event.ViaLog} {
				lines = append(lines, shortWho(s, via), longWho(s, via))
			}
		}
	}
	for _, kind := range []event.Kind{event.Domain, event.Process, event.Search} {
		for _, outcome := range []model.Outcome{model.OutcomeConnected, model.OutcomeAttempted, model.OutcomeUnknown, ""} {
			for _, via := range []event.Via{event.ViaDNS, event.ViaTLS, event.ViaQUIC, event.ViaHTTP, event.ViaLog, event.ViaBrowser, event.ViaExec, event.ViaPoll, ""} {
				for _, help := range []bool{true, false} {
					e := model.Event{Kind: kind, Outcome: outcome, Via: via, Help: help, Process: "a-program", ThirdParty: help}
					lines = append(lines, whatSeen(e, "self-harm"), caveat(e), cameLate(e, "at 08:41"), howSeen(e, "LIB-014"), howProgram(e), howAccount(e, model.Subject{Account: "a"}), howAccount(e, model.Subject{}))
					lines = append(lines, notSeen(e)...)
					lines = append(lines, listed(map[event.Kind]int{kind: 2}, "self-harm", kind == event.Search))
				}
			}
		}
	}
	for _, m := range []message{messageNotFound, messageNotFoundIT, messageBroken, messageBadForm, messageCrossOrigin, messageLinkGone, messageHead, messageNoDuty} {
		lines = append(lines, m.Title, m.Label)
		lines = append(lines, m.Lines...)
	}
	lines = append(lines, fallbackSteps...)
	lines = append(lines, wordsSign, wordsMostHarm, wordsSeen, wordsNotAPerson, wordsNoAccount, wordsWhyNotKnown, wordsNoMatch, wordsBusy, wordsWait(time.Minute))
	for _, line := range lines {
		if found := blaming.FindString(line); found != "" {
			t.Errorf("%q says %q", line, found)
		}
	}
	// The templates and the source of every sentence too, so that one that this
	// list forgets is still held.
	for _, name := range []string{"alert", "today", "message", "sign-in", "welcome", "layout", "parts", "cover"} {
		body, err := assets.ReadFile("templates/" + name + ".html")
		must(t, err)
		if found := blaming.FindString(string(body)); found != "" {
			t.Errorf("template %s says %q", name, found)
		}
	}
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if found := blaming.FindString(lit.Value); found != "" {
					t.Errorf("%s says %q in %s", name, found, lit.Value)
				}
			}
			return true
		})
	}
	if blaming.FindString("a pupil was caught") == "" {
		t.Error("the pattern finds nothing")
	}
}

func TestHeadlinesSayWhatADeviceSaw(t *testing.T) {
	pupil := model.Subject{Account: "a", Known: true, Role: model.RolePupil, Year: "9"}
	together := model.Event{Kind: event.Search, Rule: "extremism/xt-w", Grounds: event.Grounds{Evidence: []event.Evidence{{Rule: "extremism/xt-w", Match: "thingummy", Weight: 60}}}}
	plea := together
	plea.Help = true
	for _, c := range []struct {
		e    model.Event
		want string
	}{
		{together, "a search held words that together are often on the extremism list"},
		{plea, "a search held words that together are often on the extremism list, and reads as someone asking for help"},
		{model.Event{Kind: event.Domain, Outcome: model.OutcomeConnected}, "a site on the extremism list was asked for"},
		{model.Event{Kind: event.Domain, Outcome: model.OutcomeAttempted}, "a site on the extremism list was asked for, and not reached"},
		{model.Event{Kind: event.Process}, "a program on the extremism list started"},
		{model.Event{Kind: event.Search}, "a search matched extremism words"},
		{model.Event{Kind: event.Search, Help: true}, "a search matched extremism words, and reads as someone asking for help"},
	} {
		if got := whatSeen(c.e, "extremism"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := shortWho(pupil, event.ViaTLS); got != "Year 9, signed in on " {
		t.Errorf("got %q", got)
	}
	if got := longWho(model.Subject{Account: "a", Known: true, Role: model.RolePupil}, event.ViaPoll); got != "Signed in as a pupil on " {
		t.Errorf("got %q", got)
	}
}

func TestG02NobodyIsSaidToBeSignedInWhereALogIsFollowed(t *testing.T) {
	for want, s := range map[string]model.Subject{
		"A Year 9 pupil’s account, in a log on ":     {Account: "a", Known: true, Role: model.RolePupil, Year: "9"},
		"A pupil’s account, in a log on ":            {Account: "a", Known: true, Role: model.RolePupil},
		"A member of staff’s account, in a log on ":  {Account: "a", Known: true, Role: model.RoleStaff},
		"An account not on the roster, in a log on ": {Account: "a"},
		"No account, in a log on ":                   {},
	} {
		for _, got := range []string{shortWho(s, event.ViaLog), longWho(s, event.ViaLog)} {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
	if got := cameLate(model.Event{Via: event.ViaLog}, "at 08:41"); strings.Contains(got, "could not reach") {
		t.Errorf("a log read late: %q", got)
	}
}

func TestTimesAreTheClockThenTheDate(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	must(t, err)
	now := time.Date(2026, 3, 30, 0, 30, 0, 0, time.UTC) // the day after the clocks went forward: 01:30
	for at, want := range map[time.Time]string{
		time.Date(2026, 3, 29, 23, 30, 0, 0, time.UTC): "00:30",
		time.Date(2026, 3, 29, 22, 30, 0, 0, time.UTC): "Sunday 23:30",
		time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC):  "Tuesday 12:00",
		time.Date(2026, 3, 23, 12, 0, 0, 0, time.UTC):  "23 March, 12:00",
		time.Date(2025, 12, 31, 12, 0, 0, 0, time.UTC): "31 December 2025, 12:00",
		time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC):  "31 March, 13:00",
		{}: "at a time not known",
	} {
		if got := when(at, now, london); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "under a second", 300 * time.Millisecond: "under a second", time.Second: "1 second", 18 * time.Second: "18 seconds", 89 * time.Second: "89 seconds",
		2 * time.Minute: "2 minutes", 15 * time.Minute: "15 minutes", 9 * time.Hour: "9 hours", 57 * time.Hour: "2 days",
	} {
		if got := duration(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestStepsStressWhatComesFirst(t *testing.T) {
	got := steps([]string{"Life at risk? Call 999 and stay.", "Listen. Do not promise.", " See the pupil. "})
	want := []step{{"Life at risk? Call 999", " and stay."}, {"Listen.", " Do not promise."}, {"", "See the pupil."}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACategoryThatTheRulesNoLongerHaveStillReads(t *testing.T) {
	h := newHouse(t)
	cat := h.console.reader(t.Context(), viewer{}).category("retired-category")
	if cat.Noun != "retired category" || cat.Title != "Retired category" || !strings.Contains(cat.FirstSteps[0], "999") {
		t.Errorf("got %+v", cat)
	}
}

func TestWhatIsHeldTogetherIsStillEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"a site on the self-harm list": `a site on the <span class="nb">self-harm</span> list`,
		"Signed in as a Year 9 pupil":  `Signed in as a <span class="nb">Year 9</span> pupil`,
		`<script>-"x" & Year 10<b>`:    `<span class="nb">&lt;script&gt;-&#34;x&#34;</span> &amp; <span class="nb">Year 10</span>&lt;b&gt;`,
		"":                             "",
	} {
		if got := string(whole(in)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestWhyNobodyIsKnownIsSaidInWords(t *testing.T) {
	for _, reason := range event.Reasons {
		words := whoNotSeen[reason]
		if words == "" {
			t.Errorf("%q has no words", reason)
		}
		e := model.Event{Kind: event.Domain, From: event.Origin{Reason: reason}}
		if got := notSeen(e); got[0] != words {
			t.Errorf("%q: what was not seen begins with %q", reason, got[0])
		}
		e.Account = "pupil07"
		if got := notSeen(e); slices.Contains(got, words) {
			t.Errorf("%q is said of an account that is known", reason)
		}
	}
	far := howAccount(model.Event{From: event.Origin{Remote: event.RemoteRDP}}, model.Subject{Account: "a"})
	if !strings.Contains(far, "remote desktop") {
		t.Errorf("of somebody who sat elsewhere: %q", far)
	}
}
