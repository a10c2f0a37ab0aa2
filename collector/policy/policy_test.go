package policy_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/internal/bundle"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

const ruleFile = `category: test
title: Test
noun: test
about: Sites made up for tests.
purpose: safeguarding
risk: ordinary
severity: medium
owner: Designated Safeguarding Lead
why: Somebody has to notice.
domains: [flagged.test]
first_steps: [See the pupil in person.]
tests:
  hit: [{domain: %s}]
  miss: [{domain: example.org}]
`

// reallyShipped are the packs that ship: thousands of phrases, which take seconds
// to compile, check and compare under the race detector.
func reallyShipped(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := packdir.Shipped()
	must(t, err)
	return files
}

// shipped stands for them where the words are no matter: two files of the
// protected pack, the locked pack, and a pack of two categories.
func shipped(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"shipped/pack.yaml": []byte("pack: shipped\ntitle: Shipped\nversion: 1\n")}
	for _, id := range []string{"betting", "proxies"} {
		text := strings.NewReplacer("category: test", "category: "+id, "flagged.test", id+".test", "%s", id+".test").Replace(ruleFile)
		files["shipped/"+id+".yaml"] = []byte(text)
	}
	for name, data := range reallyShipped(t) {
		switch path.Dir(name) {
		case "protected":
			if base := path.Base(name); base == "pack.yaml" || base == "religion.yaml" || base == "help.yaml" {
				files[name] = data
			}
		case "locked":
			files[name] = data
		}
	}
	return files
}

// pack is the protected and the locked pack and a category whose own test asks for a hit.
func pack(t testing.TB, hit string) map[string][]byte {
	files := map[string][]byte{
		"mine/pack.yaml": []byte("pack: mine\ntitle: Test pack\nversion: 1\n"),
		"mine/test.yaml": fmt.Appendf(nil, ruleFile, hit),
	}
	for name, data := range shipped(t) {
		if strings.HasPrefix(name, "protected/") || strings.HasPrefix(name, "locked/") {
			files[name] = data
		}
	}
	return files
}

// house is a publisher over the real store.
type house struct {
	*policy.Publisher
	t     testing.TB
	store *store.Store
}

func newHouse(t testing.TB) *house {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	key, err := pki.NewPolicyKey()
	must(t, err)
	p, err := policy.NewPublisher(t.Context(), school, key, shipped(t), s, func() time.Time { return noon })
	must(t, err)
	return &house{p, t, s}
}

func (h *house) publish(files map[string][]byte) error {
	_, err := h.Publish(h.t.Context(), files, "dsl", "because")
	return err
}

// nothingStored fails if any version is in the store.
func (h *house) nothingStored() {
	h.t.Helper()
	all, err := h.store.PolicyHistory(h.t.Context(), school)
	must(h.t, err)
	if len(all) != 0 || h.Signed() != nil {
		h.t.Errorf("%d versions are stored, %v in force", len(all), h.Signed())
	}
}

func TestWhatIsPublishedIsSignedStoredAndInForce(t *testing.T) {
	h := newHouse(t)
	if _, ok := h.Category("test"); ok || h.Signed() != nil {
		t.Error("something is in force before the first policy")
	}
	files := pack(t, "flagged.test")
	must(t, h.publish(files))
	signed := h.Signed()
	if !pki.Verify(h.Keys()[signed.GetKeyId()], pki.PolicyContext, signed.GetManifest(), signed.GetSignature()) {
		t.Error("the signature does not hold")
	}
	m := &safelightv1.Manifest{}
	must(t, proto.Unmarshal(signed.GetManifest(), m))
	if m.GetSchool() != string(school) || m.GetEpoch() != 1 || m.GetSerial() != 1 || m.GetKeyId() != signed.GetKeyId() || !m.GetIssued().AsTime().Equal(noon) {
		t.Errorf("the manifest says %v", m)
	}
	got := map[string][]byte{}
	for _, b := range m.GetBlobs() {
		data, err := h.store.Blob(t.Context(), school, [32]byte(b.GetSha256()))
		must(t, err)
		if uint64(len(data)) != b.GetSize() {
			t.Errorf("%s: %d bytes, the manifest says %d", b.GetName(), len(data), b.GetSize())
		}
		got[b.GetName()] = data
	}
	set, err := bundle.Open(got)
	must(t, err)
	if v := set.Judge(rules.Input{Kind: event.Domain, Text: "www.flagged.test"}); v.Decision != rules.Flag {
		t.Errorf("what devices get says %q", v.Decision)
	}
	sources, err := h.Sources(t.Context(), 1, 1)
	must(t, err)
	if !maps.EqualFunc(sources, files, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("the stored sources are not those published")
	}
	if c, ok := h.Category("test"); !ok || c.Title != "Test" {
		t.Errorf("category test: %v, %v", c, ok)
	}
}

func TestSerialsGrowAndHistoryKeepsWhoAndWhy(t *testing.T) {
	h := newHouse(t)
	for n := range 3 {
		v, err := h.Publish(t.Context(), pack(t, "flagged.test"), "dsl", fmt.Sprint("reason ", n))
		must(t, err)
		if v.Epoch != 1 || v.Serial != uint64(n+1) {
			t.Errorf("version %d.%d, want 1.%d", v.Epoch, v.Serial, n+1)
		}
	}
	all, err := h.store.PolicyHistory(t.Context(), school)
	must(t, err)
	if len(all) != 3 || all[0].Reason != "reason 2" || all[0].By != "dsl" {
		t.Errorf("history %+v", all)
	}
}

func TestTwoWhoPublishAtOnceGetTwoSerials(t *testing.T) {
	h := newHouse(t)
	files := pack(t, "flagged.test")
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		wg.Go(func() { errs <- h.publish(files) })
	}
	wg.Wait()
	for range cap(errs) {
		must(t, <-errs)
	}
	latest, _, err := h.store.LatestPolicy(t.Context(), school)
	must(t, err)
	m := &safelightv1.Manifest{}
	must(t, proto.Unmarshal(h.Signed().GetManifest(), m))
	if latest.Serial != 4 || m.GetSerial() != 4 {
		t.Errorf("serial %d is stored and %d in force, want 4", latest.Serial, m.GetSerial())
	}
}

func TestNothingIsPublishedThatDoesNotHold(t *testing.T) {
	broken := pack(t, "flagged.test")
	broken["mine/test.yaml"] = []byte("category: [")
	unknown := pack(t, "flagged.test")
	unknown["mine/test.yaml"] = append(unknown["mine/test.yaml"], "colour: red\n"...)
	for name, c := range map[string]struct {
		files map[string][]byte
		says  string
	}{
		"a rule whose own test fails": {pack(t, "missed.test"), "mine/test.yaml:"},
		"broken YAML":                 {broken, "mine/test.yaml:"},
		"an unknown key":              {unknown, "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			wantError(t, h.publish(c.files), c.says)
			h.nothingStored()
			if _, err := policy.Check(c.files); err == nil {
				t.Error("Check says it could be published")
			}
			must(t, h.publish(pack(t, "flagged.test"))) // and nothing else is lost
		})
	}
}

func TestAVersionNeedsSomebodyAndAReason(t *testing.T) {
	h := newHouse(t)
	for _, c := range [][2]string{{"", "because"}, {"dsl", ""}, {"", ""}} {
		_, err := h.Publish(t.Context(), pack(t, "flagged.test"), c[0], c[1])
		wantError(t, err, "--as WHO", "--reason WHY")
	}
	h.nothingStored()
}

func TestG05TheProtectedPackIsPublishedUnchangedOrNothingIs(t *testing.T) {
	protectedFile := "protected/religion.yaml"
	if _, ok := shipped(t)[protectedFile]; !ok {
		t.Fatalf("the program ships no %s", protectedFile)
	}
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		says   string
	}{
		"left out": {func(f map[string][]byte) {
			maps.DeleteFunc(f, func(n string, _ []byte) bool { return strings.HasPrefix(n, "protected/") })
		}, "is missing"},
		"a file left out": {func(f map[string][]byte) { delete(f, protectedFile) }, protectedFile + " is missing"},
		"a byte changed": {func(f map[string][]byte) {
			f[protectedFile] = append(append([]byte{}, f[protectedFile]...), '\n')
		}, protectedFile + " differs"},
		"emptied":      {func(f map[string][]byte) { f[protectedFile] = nil }, protectedFile + " differs"},
		"a file added": {func(f map[string][]byte) { f["protected/more.yaml"] = f[protectedFile] }, "protected/more.yaml is not part"},
		"a file added by a detour": {func(f map[string][]byte) {
			f["mine/../protected/more.yaml"] = f[protectedFile]
		}, "is not part"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			files := pack(t, "flagged.test")
			c.change(files)
			wantError(t, h.publish(files), c.says)
			h.nothingStored()
		})
	}
}

func TestG16TheLockedPackIsPublishedUnchangedOrNothingIs(t *testing.T) {
	const lockedFile = "locked/illegal-content.yaml"
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		says   string
	}{
		"left out":       {func(f map[string][]byte) { delete(f, "locked/pack.yaml"); delete(f, lockedFile) }, lockedFile + " is missing: the locked pack"},
		"a byte changed": {func(f map[string][]byte) { f[lockedFile] = append(append([]byte{}, f[lockedFile]...), '\n') }, lockedFile + " differs from the one in this program: the locked pack"},
		"a file added":   {func(f map[string][]byte) { f["locked/more.yaml"] = f[lockedFile] }, "locked/more.yaml is not part of the locked pack"},
	} {
		h := newHouse(t)
		files := pack(t, "flagged.test")
		c.change(files)
		if err := h.publish(files); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		h.nothingStored()
	}
}

func TestG05ARuleThatHitsAProtectedSiteIsNotPublished(t *testing.T) {
	h := newHouse(t)
	files := pack(t, "flagged.test")
	files["mine/test.yaml"] = []byte(strings.Replace(string(files["mine/test.yaml"]), "[flagged.test]", "[flagged.test, nhs.uk]", 1))
	wantError(t, h.publish(files), "nhs.uk")
	h.nothingStored()
}

func TestAPublisherWithoutAProtectedPackOrWithTheWrongKeyDoesNotStart(t *testing.T) {
	h := newHouse(t)
	key, err := pki.NewPolicyKey()
	must(t, err)
	_, err = policy.NewPublisher(t.Context(), school, key, nil, h.store, time.Now)
	wantError(t, err, "no protected pack")
	other, err := pki.NewKey()
	must(t, err)
	_, err = policy.NewPublisher(t.Context(), school, other, shipped(t), h.store, time.Now)
	wantError(t, err, "want Ed25519", "policy.key")
}

func TestARestartTakesUpWhatIsInForce(t *testing.T) {
	h := newHouse(t)
	must(t, h.publish(pack(t, "flagged.test")))
	key, err := pki.NewPolicyKey()
	must(t, err)
	again, err := policy.NewPublisher(t.Context(), school, key, shipped(t), h.store, time.Now)
	must(t, err)
	if !proto.Equal(again.Signed(), h.Signed()) {
		t.Error("another manifest is in force after the restart")
	}
	if _, ok := again.Category("test"); !ok {
		t.Error("the category is gone after the restart")
	}
}

// storeWith answers as set; what is unset panics.
type storeWith struct {
	publish func() error
	latest  func() (model.PolicyVersion, bool, error)
	blob    func() ([]byte, error)
}

func (s storeWith) PublishPolicy(context.Context, model.PolicyVersion, []model.Blob) error {
	return s.publish()
}

func (s storeWith) LatestPolicy(context.Context, model.SchoolID) (model.PolicyVersion, bool, error) {
	return s.latest()
}

func (s storeWith) Blob(context.Context, model.SchoolID, [32]byte) ([]byte, error) { return s.blob() }

func (storeWith) PolicyFiles(context.Context, model.SchoolID, uint64, uint64) ([]model.PolicyFile, error) {
	return nil, nil
}

func (storeWith) PolicyLists(context.Context, model.SchoolID, uint64, uint64) (map[string]int64, error) {
	return nil, nil
}

func (storeWith) PolicyFileEditions(context.Context, model.SchoolID, string, time.Time) ([][32]byte, error) {
	return nil, nil
}

func (storeWith) PolicyFileSince(context.Context, model.SchoolID, [32]byte) (time.Time, error) {
	return time.Time{}, nil
}

func TestAStoreThatFailsLeavesThePolicyInForce(t *testing.T) {
	key, err := pki.NewPolicyKey()
	must(t, err)
	full := errors.New("disk full")
	s := storeWith{
		latest:  func() (model.PolicyVersion, bool, error) { return model.PolicyVersion{}, false, nil },
		publish: func() error { return full },
	}
	p, err := policy.NewPublisher(t.Context(), school, key, shipped(t), s, func() time.Time { return noon })
	must(t, err)
	_, err = p.Publish(t.Context(), pack(t, "flagged.test"), "dsl", "because")
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	wantError(t, err, "publishing rules")
	if p.Signed() != nil {
		t.Error("it is in force")
	}
}

func TestADamagedStoreIsNamedAndNoPanic(t *testing.T) {
	raw, err := proto.Marshal(&safelightv1.Manifest{Blobs: []*safelightv1.Blob{{Name: "mine/test.yaml", Sha256: []byte{1, 2}}}})
	must(t, err)
	key, err := pki.NewPolicyKey()
	must(t, err)
	for manifest, says := range map[string]string{string(raw): "mine/test.yaml", "\xff\xff": "reading the policy in force"} {
		s := storeWith{latest: func() (model.PolicyVersion, bool, error) {
			return model.PolicyVersion{Manifest: []byte(manifest)}, true, nil
		}}
		_, err := policy.NewPublisher(t.Context(), school, key, shipped(t), s, time.Now)
		wantError(t, err, says)
	}
}

func TestKeysAreTheOnesThatSign(t *testing.T) {
	h := newHouse(t)
	for id, pub := range h.Keys() {
		want, err := pki.KeyID(pub)
		must(t, err)
		if id != want || len(pub) != ed25519.PublicKeySize {
			t.Errorf("key %q has %d bytes, its id should be %q", id, len(pub), want)
		}
	}
}
