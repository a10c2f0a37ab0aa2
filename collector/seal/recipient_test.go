package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func people(t testing.TB, n int) (ids []*Identity, to []*Recipient) {
	t.Helper()
	for range n {
		id, err := NewIdentity()
		must(t, err)
		ids, to = append(ids, id), append(to, id.Recipient())
	}
	return ids, to
}

func TestEachRecipientOpensAndNobodyElse(t *testing.T) {
	ids, to := people(t, 3)
	place := Place("events", "school", "1")
	sealed, err := To(to, []byte("canary"), place)
	must(t, err)
	if bytes.Contains(sealed, []byte("canary")) {
		t.Fatal("it can be read")
	}
	for _, id := range ids {
		if plain, err := id.Open(sealed, place); err != nil || string(plain) != "canary" {
			t.Errorf("%q, %v", plain, err)
		}
		if _, err := id.Open(sealed, Place("events", "school", "2")); !errors.Is(err, ErrNotForYou) {
			t.Errorf("in another place: %v", err)
		}
	}
	stranger, _ := people(t, 1)
	if _, err := stranger[0].Open(sealed, place); !errors.Is(err, ErrNotForYou) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestWhatIsSealedToPeopleCannotBeChanged(t *testing.T) {
	ids, to := people(t, 2)
	place := Place("x")
	sealed, err := To(to, []byte("canary"), place)
	must(t, err)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		for _, id := range ids {
			if _, err := id.Open(changed, place); err == nil {
				t.Errorf("byte %d changed, and it opens", i)
			}
			if _, err := id.Open(sealed[:i], place); err == nil {
				t.Errorf("cut at %d, and it opens", i)
			}
		}
	}
}

// Who holds the sealed bytes must not leave somebody out unseen, so that one of
// two who are told believes that both were.
func TestARecipientCannotBeTakenOut(t *testing.T) {
	ids, to := people(t, 2)
	sealed, err := To(to, []byte("canary"), nil)
	must(t, err)
	head, keys, err := split(sealed)
	must(t, err)
	for _, key := range keys {
		one := append([]byte{versionTo, 1, byte(len(key) >> 8), byte(len(key))}, key...)
		one = append(one, sealed[len(head):]...)
		for _, id := range ids {
			if _, err := id.Open(one, nil); err == nil {
				t.Error("it opens with one recipient fewer")
			}
		}
	}
}

func TestAPersonsKeyIsTheOwnersAloneAndReadsBack(t *testing.T) {
	ids, to := people(t, 1)
	path := filepath.Join(t.TempDir(), "head.slk")
	must(t, SaveIdentity(path, ids[0]))
	id, err := LoadIdentity(path)
	must(t, err)
	r, err := ParseRecipient(to[0].String())
	must(t, err)
	sealed, err := To([]*Recipient{r}, []byte("x"), nil)
	must(t, err)
	if _, err := id.Open(sealed, nil); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	private := string(text[bytes.Index(text, []byte("\n"+privatePrefix))+1:])
	if _, err := ParseRecipient(private); err == nil || strings.Contains(err.Error(), private[8:20]) {
		t.Errorf("a private key was taken for a public one, or stands in the error: %v", err)
	}
	for _, bad := range []string{"", "SLP1", "SLP1!!!!", publicPrefix + "AAAA"} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if runtime.GOOS != "windows" {
		must(t, os.Chmod(path, 0o644))
		if _, err := LoadIdentity(path); err == nil {
			t.Error("a key that others may read was taken")
		}
	}
}

func TestNobodyAndACrowdAreRefused(t *testing.T) {
	_, to := people(t, 1)
	for _, n := range []int{0, maxRecipients + 1} {
		var all []*Recipient
		for range n {
			all = append(all, to[0])
		}
		if _, err := To(all, []byte("x"), nil); err == nil {
			t.Errorf("sealed to %d", n)
		}
	}
}

func FuzzIdentityOpen(f *testing.F) {
	ids, to := people(f, 2)
	sealed, err := To(to, []byte("canary"), nil)
	must(f, err)
	f.Add(sealed)
	f.Add(sealed[:40])
	f.Add([]byte{versionTo, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := ids[0].Open(data, nil)
		if err == nil && (string(plain) != "canary" || !bytes.Equal(data, sealed)) {
			t.Errorf("%x opened to %q", data, plain)
		}
	})
}

func FuzzParseRecipient(f *testing.F) {
	_, to := people(f, 1)
	f.Add(to[0].String())
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecipient(text)
		if err == nil && r.String() != strings.TrimSpace(text) {
			t.Errorf("%q reads as %q", text, r)
		}
	})
}
