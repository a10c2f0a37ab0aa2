package rules

import (
	"testing"

	"safelight/internal/event"
)

func TestNamesFromElsewhereAreCleanedAsObservationsAre(t *testing.T) {
	for in, want := range map[string]string{
		"Example.ORG.": "example.org", "bücher.example": "xn--bcher-kva.example", "a_b.example": "a_b.example",
		"WWW.AB--CD.Example": "www.ab--cd.example", "R3---SN-X.example": "r3---sn-x.example", // no A-labels, and names there are
		"*.example.org": "", "": "", "exa mple.org": "", "http://example.org": "",
	} {
		got, err := CleanHost(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q = %q, %v; want %q", in, got, err, want)
		}
	}
	if !IsAddress("192.0.2.1") || IsAddress("192.0.2.example") || !IsShared("co.uk") || IsShared("example.co.uk") {
		t.Error("an address or a shared name is taken for something else")
	}
}

// An event carries UTF-8 or is lost: what matched must never be cut out of a name
// by the places that it has in another spelling of it.
func TestAMatchInANameThatHadToBeCleanedIsAWholeName(t *testing.T) {
	rs := rulesFor(t, `phrases:
  - {id: kn-001, text: porn, match: part, in: [host]}
domains: [bad.example]
tests: {hit: [{domain: bad.example}], miss: [spoon]}
`)
	for text, match := range map[string]string{
		"\u00fc.porno.example": "\u00fc.porno.example", "\uff50\uff4f\uff52\uff4e.example": "\uff50\uff4f\uff52\uff4e.example",
		"x.\uff42\uff41\uff44.example": "x.\uff42\uff41\uff44.example", "PORNO.example.": "PORN", "WWW.BAD.example": "BAD.example",
	} {
		if v := rs.Judge(Input{Kind: event.Domain, Text: text, Role: "pupil"}); v.Match != match || text[v.Start:v.End] != match {
			t.Errorf("%q: matched %q (%s), want %q", text, v.Match, v.Decision, match)
		}
	}
}
