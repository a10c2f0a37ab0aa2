package rules

import (
	"net/netip"
	"strings"
	"testing"

	"safelight/internal/event"
)

const someTests = "tests: {hit: [{domain: a.tunnel.example}], miss: [{domain: fine.example}]}\n"

const noiseFile = "marks: noise\ntitle: Noise\nwhy: Nobody chose it.\ndomains: [update.example.com, two.example.com]\n"

func TestANameAndThoseBeneathItCarryTheMark(t *testing.T) {
	rs := compile(t, with("acme/noise.yaml", noiseFile,
		"acme/vpn.yaml", "marks: vpn\ntitle: VPN\nwhy: Hidden.\ndomains: [two.example.com]\naddresses: [192.0.2.1, '::ffff:192.0.2.2']\n",
		"school/page.yaml", "marks: block-page\ntitle: Ours\nwhy: Our filter.\ndomains: [blocked.school.example]\n"))
	for host, want := range map[string]Mark{
		"update.example.com": MarkNoise, "a.update.example.com": MarkNoise, "notupdate.example.com": 0, "example.com": 0, "com": 0, "": 0,
		"two.example.com": MarkNoise | MarkVPN, "blocked.school.example": MarkBlockPage, "192.0.2.1": 0,
		"update.example.com.childline.org.uk": 0,
	} {
		if got := rs.Marks(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
	for _, a := range []string{"192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"} {
		if got := rs.AddressMarks(netip.MustParseAddr(a)); got != MarkVPN {
			t.Errorf("%s: %q", a, got)
		}
	}
	if got := (MarkNoise | MarkVPN).String(); got != "noise,vpn" {
		t.Error(got)
	}
	if got := (MarkECH | MarkProxy).Each(); len(got) != 2 || got[0] != MarkECH || got[1] != MarkProxy {
		t.Error(got)
	}
}

// A list is counted, and flags only where a category asks for it.
func TestACategoryFlagsAListOnlyIfItAsks(t *testing.T) {
	vpn := "marks: vpn\ntitle: VPN\nwhy: Hidden.\ndomains: [tunnel.example, own.example]\n"
	visit := Input{Kind: event.Domain, Text: "a.tunnel.example"}
	rs := compile(t, with("acme/vpn.yaml", vpn, "acme/knives.yaml", head+someTests))
	if v := rs.Judge(visit); v.Decision != None {
		t.Errorf("not asked for, and judged %+v", v)
	}
	rs = compile(t, with("acme/vpn.yaml", vpn, "acme/knives.yaml", head+"marked: [vpn]\ndomains: [{allow: [own.example]}]\n"+someTests))
	if v := rs.Judge(visit); v.Decision != Flag || v.Rule != "knives/tunnel.example" {
		t.Errorf("asked for, and judged %+v", v)
	}
	if v := rs.Judge(Input{Kind: event.Domain, Text: "own.example"}); v.Decision != None {
		t.Errorf("the school's own tunnel is judged %+v", v)
	}
	rs = compile(t, with("acme/vpn.yaml", vpn, "acme/knives.yaml", head+someTests, "school/more.yaml", "extends: knives\nowner: IT\nwhy: To see.\nmarked: [vpn]\n"+someTests))
	if v := rs.Judge(visit); v.Decision != Flag || v.Pack != "our-school 7" {
		t.Errorf("a school that asks: %+v", v)
	}
}

// A slip in the noise list must not hide a child: `rules check` refuses it.
func TestG01NoiseNeverCoversARule(t *testing.T) {
	for name, c := range map[string]struct {
		rule string
		bad  bool
	}{
		"the same name": {"update.example.com", true}, "a name beneath": {"deep.update.example.com", true},
		"a name above": {"example.com", false}, "another": {"blades.example", false},
	} {
		rs := compile(t, with("acme/noise.yaml", noiseFile, "acme/knives.yaml", head+"domains: ["+c.rule+"]\ntests: {hit: [{domain: "+c.rule+"}], miss: [{domain: fine.example}]}\n"))
		var said string
		for _, p := range rs.Check() {
			said += p.Error() + "\n"
		}
		if got := strings.Contains(said, "would quiet the rule"); got != c.bad {
			t.Errorf("%s: %s", name, said)
		}
		if c.bad && !strings.Contains(said, "acme/noise.yaml:4:") {
			t.Errorf("%s: no place in %q", name, said)
		}
	}
}

func TestABadMarksFileIsRefusedWithTheMend(t *testing.T) {
	for text, want := range map[string]string{
		"marks: nose\ntitle: T\nwhy: W\n":                             `marks "nose"; want one of noise, encrypted-dns`,
		"marks: noise\nwhy: W\n":                                      "no title",
		"marks: noise\ntitle: T\nwhy: W\ndomains: [com]\n":            `"com"`,
		"marks: noise\ntitle: T\nwhy: W\ndomains: [co.uk]\n":          "everybody's sites",
		"marks: noise\ntitle: T\nwhy: W\ndomains: ['http://a.b/c']\n": "a.b",
		"marks: noise\ntitle: T\nwhy: W\naddresses: [here]\n":         "IPv4 or IPv6",
		"marks: noise\ntitle: T\nwhy: W\nphrases: []\n":               `unknown key "phrases"`,
		head + "marked: [noise]\n":                                    `"noise"; want one of encrypted-dns`,
	} {
		_, err := Compile(with("acme/x.yaml", text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "acme/x.yaml:") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}
