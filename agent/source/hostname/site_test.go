package hostname

import "testing"

func TestASiteIsWhatSomebodyRegistered(t *testing.T) {
	for host, want := range map[string]string{
		"www.example.org": "example.org", "example.org": "example.org", "a.b.example.co.uk": "example.co.uk",
		"pupil.github.io": "pupil.github.io", "x.pupil.github.io": "pupil.github.io", // others' pages are other sites
		"co.uk": "co.uk", "localhost": "localhost", "192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::1", "": "",
		"www.xn--mnchen-3ya.example": "xn--mnchen-3ya.example",
	} {
		if got := Site(host); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}
