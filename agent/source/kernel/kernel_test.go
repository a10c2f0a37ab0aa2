package kernel

import "testing"

func TestAPathIsPutTogetherFromTheFileUp(t *testing.T) {
	for names, want := range map[string]string{
		"":                        "",
		"sh\x00":                  "/sh",
		"true\x00bin\x00usr\x00":  "/usr/bin/true",
		"a name\x00bin\x00\x00":   "//bin/a name",
		"cut":                     "/cu",
		"memfd:x (deleted)\x00":   "/memfd:x (deleted)",
		"caf\xc3\xa9\x00home\x00": "/home/caf\xc3\xa9",
	} {
		if got := Path([]byte(names)); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}

func TestATextWithoutItsZeroIsTakenWhole(t *testing.T) {
	for b, want := range map[string]string{"": "", "\x00": "", "sh\x00junk": "sh", "fifteen letters": "fifteen letters"} {
		if got := Text([]byte(b)); got != want {
			t.Errorf("%q: %q, want %q", b, got, want)
		}
	}
}

func TestAnUnavailableSaysWhyAndHoldsItsCause(t *testing.T) {
	u := &Unavailable{Reason: "no BTF here"}
	if u.Error() != "no BTF here" || u.Unwrap() != nil {
		t.Errorf("%q", u.Error())
	}
}
