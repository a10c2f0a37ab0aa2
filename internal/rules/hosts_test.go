package rules

import "testing"

func TestNamesFromElsewhereAreCleanedAsObservationsAre(t *testing.T) {
	for in, want := range map[string]string{
		"Example.ORG.": "example.org", "bücher.example": "xn--bcher-kva.example", "a_b.example": "a_b.example",
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
