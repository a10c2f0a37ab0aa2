package server

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/internal/packdir"
	"safelight/internal/pki"
	"safelight/internal/rules"
)

// openSchool opens a collector's folder as a verb would, with rules published.
func openSchool(t *testing.T, dir string) *state {
	t.Helper()
	if err := Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	conf, err := ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openState(t.Context(), dir, conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if s.keys.publisher, err = newPublisher(t.Context(), s, time.Now); err != nil {
		t.Fatal(err)
	}
	return s
}

// builtIn are the packs that no version may leave out, and nothing else: what tests
// of keys and lists need of rules.
func builtIn(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name string, _ []byte) bool {
		return !strings.HasPrefix(name, rules.ProtectedPack+"/") && !strings.HasPrefix(name, rules.LockedPack+"/")
	})
	return files
}

func publishSome(t *testing.T, s *state) {
	t.Helper()
	if _, err := s.keys.publisher.Publish(context.Background(), builtIn(t), "dsl", "first"); err != nil {
		t.Fatal(err)
	}
}

func closeState(t *testing.T, s *state) {
	t.Helper()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// The store says that the new key has signed, and the files are not in place.
func TestAPowerCutAfterTheNewPolicyKeySignedIsFinishedAtTheNextStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := openSchool(t, dir)
	publishSome(t, s)
	old, _ := s.keys.ring.Present()
	next, err := pki.LoadOrMakeKey(s.keys.path("policy-next.key"), pki.NewPolicyKey)
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := pki.LoadKey(s.keys.path("recovery.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.keys.publisher.StartEpoch(t.Context(), recovery, next, "it", "cut short"); err != nil {
		t.Fatal(err)
	}
	closeState(t, s)
	s = openSchool(t, dir)
	defer closeState(t, s)
	if _, is := s.keys.publisher.SignedElsewhere(); is {
		t.Error("the key that signed is not in place")
	}
	id, err := pki.KeyID(old.Public())
	if err != nil {
		t.Fatal(err)
	}
	if s.keys.ring.Public()[id] == nil {
		t.Error("devices that were away would be told to refuse the key they know")
	}
	publishSome(t, s)
}

func TestThePolicyKeyChangesWithTheSchoolsRecoveryKeyOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := openSchool(t, dir)
	defer closeState(t, s)
	publishSome(t, s)
	before, _ := s.keys.ring.Present()
	other := filepath.Join(t.TempDir(), "recovery.key")
	if _, err := pki.LoadOrMakeKey(other, pki.NewPolicyKey); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{other: "not this school's recovery key", filepath.Join(dir, "none"): "--recovery"} {
		_, err := s.keys.Rotate(t.Context(), admin.KeyRotate{What: "policy", Recovery: path}, "it")
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	for _, req := range []admin.KeyRotate{{What: "policy", Step: "use"}, {What: "house"}, {}} {
		if _, err := s.keys.Rotate(t.Context(), req, "it"); err == nil || !strings.Contains(err.Error(), "want root") {
			t.Errorf("%+v: %v", req, err)
		}
	}
	if now, _ := s.keys.ring.Present(); !now.Public().(ed25519.PublicKey).Equal(before.Public()) {
		t.Error("a refusal changed the key")
	}
	if _, err := s.keys.Rotate(t.Context(), admin.KeyRotate{What: "policy"}, "it"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.keys.Rotate(t.Context(), admin.KeyRotate{What: "policy"}, "it"); err == nil || !strings.Contains(err.Error(), "not retired yet") {
		t.Errorf("a second change: %v", err)
	}
}

// Keys that nothing reads today are checked too.
func TestACollectorWithAKeyThatOthersCanReadDoesNotStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	closeState(t, openSchool(t, dir))
	for _, name := range []string{"policy.key", "recovery.key", "audit.key", "ca/root.key"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		err := Init(t.Context(), dir)
		if err == nil || !strings.Contains(err.Error(), "others may read it") || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What devices were shown when an epoch began is at hand to check the recovery
// key's public half by, which lies on the server and can be replaced there.
func TestAReplacedRecoveryKeyIsFoundByThePolicyEpoch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := openSchool(t, dir)
	defer func() { closeState(t, s) }()
	publishSome(t, s)
	verify := func() []string {
		t.Helper()
		if err := s.openRecord(t.Context(), time.Now, slog.New(slog.DiscardHandler), nil); err != nil {
			t.Fatal(err)
		}
		r, err := s.record.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r.Problems
	}
	if text, _, err := s.leave(t.Context()); err != nil || len(text) > 0 {
		t.Errorf("the first epoch has leave %x, %v", text, err)
	}
	recovery, err := pki.LoadKey(s.keys.path("recovery.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.keys.publisher.StartEpoch(t.Context(), recovery, nil, "it", "restored"); err != nil {
		t.Fatal(err)
	}
	if problems := verify(); len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
	s.record.Close()
	for _, name := range []string{"recovery.key", "policy-recovery.pub"} { // and a new pair is made
		if err := os.Remove(s.keys.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	closeState(t, s)
	s = openSchool(t, dir)
	problems := strings.Join(verify(), "; ")
	for _, want := range []string{"began by leave of another", " names "} {
		if !strings.Contains(problems, want) {
			t.Errorf("problems %q do not say %q", problems, want)
		}
	}
}
