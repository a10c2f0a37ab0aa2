package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"safelight/internal/event"
	"safelight/internal/rules/names"
)

const listLine = "domains:\n  - {list: ut-knives, url: 'https://lists.example/knives.tar.gz', format: squidguard, member: knives, licence: CC-BY-SA-4.0, from: Somebody, max_shrink: 30%, max_grow: 50%, refresh: 12h, severity: low}\n"

func listed2(t testing.TB, lines string, more map[string]string, listNames ...string) *Ruleset {
	t.Helper()
	files := with("acme/knives.yaml", head+lines+okTests)
	for name, text := range more {
		files[name] = []byte(text)
	}
	rs, err := CompileWith(files, map[string]NameList{"ut-knives": slices.Values(listNames)})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestANameOnAListIsFoundAndSaysWhichList(t *testing.T) {
	rs := listed2(t, listLine, nil, "blades.example", "sub.other.example")
	v := rs.host("www.blades.example")
	want(t, "listed", v, Flag, "knives/list/ut-knives")
	if v.List != "ut-knives" || v.Match != "blades.example" || v.Severity != event.Low {
		t.Errorf("got %+v", v)
	}
	want(t, "its parent is not", rs.host("other.example"), None, "")
	want(t, "another", rs.host("blades.example.org"), None, "")
	l := rs.Lists()
	if len(l) != 1 || l[0].Licence != "CC-BY-SA-4.0" || l[0].MaxShrink != 30 || l[0].MaxGrow != 50 || l[0].Refresh.Hours() != 12 || l[0].Category != "knives" || l[0].Member != "knives" {
		t.Errorf("got %+v", l)
	}
	empty, err := CompileWith(with("acme/knives.yaml", head+listLine+okTests), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "a list that is not there yet", empty.host("blades.example"), None, "")
}

func TestAListStandsWhereItsFileStands(t *testing.T) {
	rs := listed2(t, listLine+"  - {allow: [shop.blades.example]}\n  - {name: www.blades.example, severity: urgent}\n", map[string]string{
		"school/k.yaml": "extends: knives\nowner: a\nwhy: b\ndomains: [{allow: [mine.example]}]\n" + okTests,
	}, "blades.example", "mine.example", "deep.shop.blades.example")
	want(t, "an allow that is more specific", rs.host("shop.blades.example"), None, "")
	want(t, "a listed name that is more specific still", rs.host("deep.shop.blades.example"), Flag, "knives/list/ut-knives")
	want(t, "a written name that is more specific", rs.host("www.blades.example"), Flag, "knives/www.blades.example")
	want(t, "the school's allow", rs.host("a.mine.example"), None, "")
}

func TestANameMayBeOnSeveralLists(t *testing.T) {
	other := strings.Replace(strings.Replace(head, "category: knives", "category: spoons", 1), "noun: knives", "noun: spoons", 1)
	files := with("acme/knives.yaml", head+listLine+okTests, "acme/spoons.yaml", other+"domains:\n  - {list: sp, url: 'https://lists.example/s', format: domains, licence: CC0, severity: urgent}\n"+okTests)
	rs, err := CompileWith(files, map[string]NameList{
		"ut-knives": slices.Values([]string{"both.example", "knife.example", "both.example"}), "sp": slices.Values([]string{"spoon.example", "both.example"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "both, the graver", rs.host("both.example"), Flag, "spoons/list/sp")
	want(t, "one", rs.host("knife.example"), Flag, "knives/list/ut-knives")
	want(t, "the other", rs.host("spoon.example"), Flag, "spoons/list/sp")
	if n := len(rs.policy.Sets); n != 3 {
		t.Errorf("%d sets, want 3", n)
	}
}

func TestG05NoListFlagsAHelplineOrAProtectedSite(t *testing.T) {
	rs := listed2(t, listLine, nil, "childline.org.uk", "www.samaritans.org", "protected.example", "a.protected.example", "co.uk", "com", "192.0.2.1", "Not Clean", "fine.example")
	for _, host := range []string{"childline.org.uk", "protected.example", "a.protected.example", "other.co.uk", "x.com"} {
		if v := rs.host(host); v.Decision == Flag {
			t.Errorf("%s is flagged by %s", host, v.Rule)
		}
	}
	want(t, "the rest of the list", rs.host("fine.example"), Flag, "knives/list/ut-knives")
	table, err := names.Open(rs.tables.Names)
	if err != nil || table.Len() != 1 {
		t.Errorf("%d names in the table, %v", table.Len(), err)
	}
}

// One name that no device could ask for must not keep all others from devices.
func TestAnOddNameOnAListIsLeftOut(t *testing.T) {
	rs := listed2(t, listLine, nil, "odd.123", "a..example", strings.Repeat("a", 64)+".example", "fine.example")
	want(t, "the rest of the list", rs.host("fine.example"), Flag, "knives/list/ut-knives")
	for name, may := range map[string]bool{"odd.123": false, "fine.example": true, "protected.example": false, "b.protected.example": false, "childline.org.uk": false, "co.uk": false} {
		if got := rs.MayList(name); got != may {
			t.Errorf("%s may stand on a list: %v", name, got)
		}
	}
}

func TestAListInAFileOfThePack(t *testing.T) {
	files := func(text string, format string) map[string][]byte {
		return with("acme/knives.yaml", head+"domains: [{file: lists/our-blocks.txt"+format+"}]\n"+okTests, "acme/lists/our-blocks.txt", text)
	}
	rs := compile(t, files("\ufeff# ours\nBlades.example.  # the shop\n\nbücher.example\r\n", ""))
	v := rs.host("www.blades.example")
	want(t, "a line", v, Flag, "knives/list/our-blocks")
	if v.List != "our-blocks" || rs.Lists()[0].File != "acme/lists/our-blocks.txt" || rs.Lists()[0].URL != "" {
		t.Errorf("%+v, %+v", v, rs.Lists())
	}
	want(t, "another alphabet", rs.host("xn--bcher-kva.example"), Flag, "knives/list/our-blocks")
	rs = compile(t, files("127.0.0.1 localhost\n0.0.0.0 blades.example www.knives.example\n", ", format: hosts"))
	want(t, "hosts", rs.host("www.knives.example"), Flag, "knives/list/our-blocks")
	text := problemsOf(t, files("a.example b.example\nhttps://x.example/\nco.uk\ncom\n", ""))
	for _, say := range []string{
		`acme/lists/our-blocks.txt:1:1: line "a.example b.example" holds more than a name`, `acme/lists/our-blocks.txt:2:1: "https://x.example/" is no host name`,
		`acme/lists/our-blocks.txt:3:1: domain "co.uk" holds everybody's sites`, `acme/lists/our-blocks.txt:4:1: "com" is no host name`,
	} {
		contains(t, text, say)
	}
}

func TestTheKeyOfTheTableIsTheCallersToChoose(t *testing.T) {
	files := with("acme/knives.yaml", head+listLine+okTests)
	build := func(options ...Option) *names.Table {
		rs, err := CompileWith(files, map[string]NameList{"ut-knives": slices.Values([]string{"blades.example"})}, options...)
		if err != nil {
			t.Fatal(err)
		}
		table, err := names.Open(rs.Tables().Names)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	if first, second := build().ID(), build().ID(); first != second {
		t.Error("the same files give other bytes")
	}
	key := [16]byte{1, 2, 3}
	if build(WithKey(key)).Key() != key || build().Key() == key {
		t.Error("the key is not the one that was given")
	}
}

func TestAnOverlayAddsAndTakesAway(t *testing.T) {
	rs := listed2(t, listLine, nil, "blades.example", "old.example")
	table, err := names.Open(rs.tables.Names)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := names.BuildOverlay(table, []names.Entry{{Name: "new.example", Set: 0}, {Name: "odd.example", Set: 99}}, []string{"old.example"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := names.OpenOverlay(raw)
	if err != nil {
		t.Fatal(err)
	}
	over, err := Open(rs.Policy(), rs.Tables(), o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "added", over.host("www.new.example"), Flag, "knives/list/ut-knives")
	want(t, "taken away", over.host("old.example"), None, "")
	want(t, "kept", over.host("blades.example"), Flag, "knives/list/ut-knives")
	want(t, "of a set that nobody knows", over.host("odd.example"), None, "")
	want(t, "the rules beneath are as they were", rs.host("old.example"), Flag, "knives/list/ut-knives")
}

func TestANameDrawnLikeTheSchoolsIsFound(t *testing.T) {
	rs := rulesFor(t, "domains: [{lookalike_of: [our-school.example, paypal.example.com], severity: low}]\n"+okTests)
	for _, host := range []string{"0ur-schooI.example", "оur-school.example", "our-schòol.example", "login.our-schooi.example", "our-schoo1.example", "paypa1.example.com"} {
		v := rs.host(host)
		if v.Decision != Flag || !strings.HasPrefix(v.Rule, "knives/lookalike/") || !strings.Contains(v.Why, "is drawn like that of") {
			t.Errorf("%s: %+v", host, v)
		}
	}
	for _, host := range []string{"our-school.example", "www.our-school.example", "OUR-SCHOOL.example", "our-schools.example", "school.example", "example", "our-school.example.org", "paypal.example.com"} {
		want(t, host, rs.host(host), None, "")
	}
	var many []string
	for i := range maxLookalikes + 1 {
		many = append(many, fmt.Sprintf("a%cb%c.example", 'a'+i%20, 'a'+i/20))
	}
	contains(t, problemsOf(t, with("acme/knives.yaml", head+"domains: [{lookalike_of: ["+strings.Join(many, ", ")+"]}]\n"+okTests)), "want at most 200 in all")
}
