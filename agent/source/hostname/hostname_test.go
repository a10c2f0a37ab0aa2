package hostname

import (
	"strings"
	"testing"
)

func TestOneFormForEachName(t *testing.T) {
	for raw, want := range map[string]string{
		"www.example.org":                    "www.example.org",
		"WWW.Example.ORG.":                   "www.example.org",
		"_dns.resolver.example":              "_dns.resolver.example",
		"xn--mnchen-3ya.example":             "xn--mnchen-3ya.example",
		"MÜNCHEN.example":                    "xn--mnchen-3ya.example",
		"例え。example":                         "xn--r8jz45g.example",
		"192.0.2.7":                          "192.0.2.7",
		"[2001:DB8::1]":                      "2001:db8::1",
		"localhost":                          "localhost",
		strings.Repeat("a", 63) + ".example": strings.Repeat("a", 63) + ".example",
	} {
		if got, ok := Normalise(raw); !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{
		"", ".", "..", "a..b", ".a", "a b", "a\x00b", "a\nb", "<script>", "a/b", "[::1", "[x]", "\xff\xfe",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "aa", strings.Repeat("é", 2000),
	} {
		if got, ok := Normalise(raw); ok {
			t.Errorf("%q is no host name: got %q", raw, got)
		}
	}
}

func TestPortsAreTakenOff(t *testing.T) {
	for raw, want := range map[string]string{
		"www.example.org:443": "www.example.org", "www.example.org": "www.example.org",
		"[2001:db8::1]:443": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "192.0.2.7:80": "192.0.2.7",
	} {
		if got, ok := OfHostPort([]byte(raw)); !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"", ":443", "2001:db8::1"} {
		if got, ok := OfHostPort(raw); ok {
			t.Errorf("%q: got %q", raw, got)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("WWW.Example.org.")
	f.Add("MÜNCHEN.example")
	f.Add("[::1]")
	f.Fuzz(func(t *testing.T, raw string) {
		name, ok := Normalise(raw)
		if !ok || strings.HasPrefix(raw, "[") {
			return
		}
		if again, ok := Normalise(name); !ok || again != name || len(name) > maxName {
			t.Errorf("%q became %q, and then %q", raw, name, again)
		}
		if of, ok := Normalise([]byte(raw)); !ok || of != name {
			t.Errorf("as bytes %q, as a string %q", of, name)
		}
	})
}
