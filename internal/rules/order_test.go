package rules

import (
	"strings"
	"testing"

	"safelight/internal/event"
)

// rung is a step of G16's order, as a line of a pack that says something of
// one site, and as what Judge answers where it is the highest.
type rung struct {
	name     string
	starter  string // in the games category of the starter pack
	school   string // in the school's file that extends it
	locked   string // in the locked category
	site     string // the site itself, where the rung is one that is compiled in
	exempt   bool
	decision Decision
	rule     string
}

// rungs stand from the highest to the lowest.
var rungs = []rung{
	{name: "helpline", site: "childline.org.uk", decision: Safe},
	{name: "protected", site: "protected.example", decision: None},
	{name: "locked", locked: "SITE", decision: Flag, rule: "illegal-content/SITE"},
	{name: "exemption", exempt: true, decision: Exempt},
	{name: "school's allow", school: "{allow: [SITE]}", decision: None},
	{name: "school's rule", school: "{name: SITE, severity: low}", decision: Flag, rule: "games/SITE"},
	{name: "pack's rule", starter: "SITE", decision: Flag, rule: "games/SITE"},
}

// Every pair of the order is tried: the higher decides. An exemption is of a
// rule, so a pair of it has the pack's rule too.
func TestG16EveryPairOfTheOrder(t *testing.T) {
	for i, high := range rungs {
		for _, low := range rungs[i+1:] {
			site := "both.example"
			for _, r := range []rung{low, high} {
				if r.site != "" {
					site = r.site
				}
			}
			if high.site != "" {
				site = high.site
			}
			starter := high.starter + low.starter
			if high.exempt || low.exempt {
				starter = "SITE"
			}
			list := func(parts ...string) string {
				var lines []string
				for _, p := range parts {
					if p != "" {
						lines = append(lines, strings.ReplaceAll(p, "SITE", site))
					}
				}
				return "domains: [" + strings.Join(lines, ", ") + "]\n"
			}
			rs := compile(t, with(
				"starter/pack.yaml", "pack: starter\ntitle: x\nversion: 1\n",
				"starter/games.yaml", strings.Replace(head, "category: knives", "category: games", 1)+list(starter)+okTests,
				"locked/pack.yaml", "pack: locked\ntitle: x\nversion: 1\n",
				"locked/illegal.yaml", lockedHead+list(high.locked, low.locked)+okTests,
				"school/games.yaml", "extends: games\nowner: x\nwhy: y\n"+list(high.school, low.school)+okTests))
			in := Input{Kind: event.Domain, Text: site}
			if high.exempt || low.exempt {
				in.Exempt = []string{"games", "illegal-content"}
			}
			v := rs.Judge(in)
			rule := strings.ReplaceAll(high.rule, "SITE", site)
			if v.Decision != high.decision || rule != "" && v.Rule != rule {
				t.Errorf("%s over %s: got %s by %q", high.name, low.name, v.Decision, v.Rule)
			}
			if high.name == "school's rule" && v.Severity != event.Low {
				t.Errorf("%s over %s: the pack's rule decided", high.name, low.name)
			}
		}
	}
}

// The same order holds in words, where allows mask.
func TestG16TheOrderInWords(t *testing.T) {
	rs := compile(t, with(
		"starter/pack.yaml", "pack: starter\ntitle: x\nversion: 1\n",
		"starter/games.yaml", strings.Replace(head, "category: knives", "category: games", 1)+"phrases: [{id: g-1, text: big play}]\nallow: [my own words]\n"+okTests,
		"locked/pack.yaml", "pack: locked\ntitle: x\nversion: 1\n",
		"locked/illegal.yaml", lockedHead+"phrases: [{id: i-1, text: bad thing}]\n"+okTests,
		"school/games.yaml", "extends: games\nowner: x\nwhy: y\nallow: [big play, bad thing]\nphrases: [{id: s-1, text: own words, severity: low}]\n"+okTests))
	exempt := func(text string) Verdict {
		return rs.Judge(Input{Kind: event.Search, Text: text, Exempt: []string{"games", "illegal-content"}})
	}
	want(t, "a pack's rule below the school's allow", rs.search("big play"), None, "")
	want(t, "the school's rule above the pack's allow", rs.search("my own words"), Flag, "games/s-1")
	want(t, "an exemption above a rule", exempt("my own words"), Exempt, "games/s-1")
	want(t, "an exemption above the school's allow", exempt("big play"), Exempt, "games/g-1")
	want(t, "locked above an exemption", exempt("a bad thing and a big play"), Flag, "illegal-content/i-1")
	want(t, "locked above the school's allow", rs.search("bad thing"), Flag, "illegal-content/i-1")
}

// D12: nobody switches off, narrows, allows in, or exempts from a locked
// category, in whatever way a file can try.
func TestG16ASchoolCanNotTouchALockedCategory(t *testing.T) {
	locked := map[string]string{"locked/pack.yaml": "pack: locked\ntitle: x\nversion: 1\n", "locked/illegal.yaml": lockedHead + "domains: [bad.example]\nphrases: [{id: i-1, text: bad thing}]\n" + okTests}
	try := func(text string) map[string][]byte {
		files := with("school/i.yaml", text)
		for name, text := range locked {
			files[name] = []byte(text)
		}
		return files
	}
	const extends = "extends: illegal-content\nowner: x\nwhy: y\n"
	for name, c := range map[string]struct{ text, want string }{
		"allows words":             {extends + "allow: [bad thing]\n" + okTests, "allows something in"},
		"allows words in context":  {extends + "allow: [{text: bad thing, near: [lesson], within: 3}]\n" + okTests, "allows something in"},
		"allows a site":            {extends + "domains: [{allow: [bad.example]}]\n" + okTests, "allows something in"},
		"switches it off":          {extends + "action: {pupil: none}\n" + okTests, "makes pupil none of alert in"},
		"keeps it on the device":   {extends + "action: {staff: note}\n" + okTests, "makes staff note of alert in"},
		"narrows it":               {extends + "scope: {years: [7]}\ndomains: [more.example]\n" + okTests, "narrows \"illegal-content\", which is locked"},
		"raises the threshold":     {extends + "threshold: 500\n" + okTests, `unknown key "threshold"`},
		"unlocks it":               {extends + "locked: false\n" + okTests, `unknown key "locked"`},
		"lowers its severity":      {extends + "severity: low\n" + okTests, `unknown key "severity"`},
		"hides rules as unread":    {extends + "phrases: [{id: s-1, text: more bad, reviewed: false}]\n" + okTests, "a phrase that is off until reviewed"},
		"defines it anew":          {lockedHead + okTests, "take this file out: the locked pack brings the category"},
		"defines it anew and open": {strings.Replace(lockedHead, "locked: true\n", "", 1) + okTests, `category "illegal-content" is not locked`},
	} {
		t.Run(name, func(t *testing.T) { contains(t, problemsOf(t, try(c.text)), c.want) })
	}
	t.Run("open without the locked pack", func(t *testing.T) {
		contains(t, problemsOf(t, with("school/i.yaml", strings.Replace(lockedHead, "locked: true\n", "", 1)+okTests)), `category "illegal-content" is not locked`)
	})
	t.Run("switched off by the pack itself", func(t *testing.T) {
		contains(t, problemsOf(t, with("acme/i.yaml", strings.Replace(lockedHead, "{staff: alert}", "{staff: none}", 1)+okTests)), `staff is none in "illegal-content", which is locked`)
	})
	rs := compile(t, try(extends+"domains: [more.example, {name: bad.example, severity: low}]\nphrases: [{id: s-1, text: other words}]\nraise: [{repeats: 2, within: 1h, to: low}]\ntests: {hit: [{domain: more.example}], miss: [x]}\n"))
	for _, role := range append(Roles(), "", "nonsense") {
		for _, host := range []string{"bad.example", "more.example"} {
			v := rs.Judge(Input{Kind: event.Domain, Text: host, Role: role, Exempt: []string{"illegal-content"}, At: noon, Recent: []Seen{{Category: "illegal-content", At: noon}}})
			want(t, role+" "+host, v, Flag, "illegal-content/"+host)
		}
	}
	// A school may say that a site is less grave, but the pack's own rule stays.
	if v := rs.host("bad.example"); v.Severity != event.Urgent {
		t.Errorf("a school made a locked rule %s", v.Severity)
	}
}

func TestASchoolMayQuietenACategoryThatIsNotLocked(t *testing.T) {
	files := with("acme/knives.yaml", head+"domains: [blades.example]\n"+okTests, "school/k.yaml", "extends: knives\nowner: a\nwhy: b\naction: {pupil: note, staff: alert}\n"+okTests)
	rs := compile(t, files)
	want(t, "pupil", rs.host("blades.example"), Note, "knives/blades.example")
	want(t, "staff", rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Role: "staff"}), Flag, "knives/blades.example")
	want(t, "as it was", rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Role: "adult-learner"}), Flag, "knives/blades.example")
}
