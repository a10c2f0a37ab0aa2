package policy_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"safelight/agent/policy"
	"safelight/internal/bundle"
	"safelight/internal/logging"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestAPolicyComesIntoForceAndStaysOverARestart(t *testing.T) {
	d := newDevice(t)
	if d.Active() != nil {
		t.Fatal("a policy is in force before the first")
	}
	must(t, d.apply(d.signer.version(1, "one.test")))
	d.judges(1, "one.test")
	must(t, d.apply(d.signer.version(2, "two.test")))
	d.judges(2, "two.test")
	d.reopen()
	d.judges(2, "two.test")
}

func TestWhatIsOnDiskIsNotFetchedAgain(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	d.signer.asked = 0
	must(t, d.apply(d.signer.version(2, "two.test")))
	if d.signer.asked != 1 {
		t.Errorf("%d files were fetched, want only the changed one", d.signer.asked)
	}
}

// Every refusal leaves the policy in force, on disk and in memory.
func TestABadManifestChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		make func(s *signer) *safelightv1.SignedManifest
		says string
	}{
		"signed by another school's key": {func(*signer) *safelightv1.SignedManifest {
			return newSigner(t).version(3, "bad.test")
		}, "only the school's own collector"},
		"another key under the right name": {func(s *signer) *safelightv1.SignedManifest {
			thief := newSigner(t)
			thief.id = s.id
			return thief.version(3, "bad.test")
		}, "does not hold"},
		"tampered bytes": {func(s *signer) *safelightv1.SignedManifest {
			signed := s.version(3, "bad.test")
			signed.Manifest = append(signed.Manifest, 0x10, 0x09) // epoch 9, once more
			return signed
		}, "does not hold"},
		"no signature": {func(s *signer) *safelightv1.SignedManifest {
			signed := s.version(3, "bad.test")
			signed.Signature = nil
			return signed
		}, "does not hold"},
		"empty":                              {func(*signer) *safelightv1.SignedManifest { return &safelightv1.SignedManifest{} }, "does not hold"},
		"for another school":                 {changed(func(m *safelightv1.Manifest) { m.School = "other-school" }), "belongs to"},
		"naming another key":                 {changed(func(m *safelightv1.Manifest) { m.KeyId = "0000" }), "names key"},
		"for a newer engine":                 {changed(func(m *safelightv1.Manifest) { m.MinEngine = rules.Engine + 1 }), "update the agent"},
		"an older serial":                    {changed(func(m *safelightv1.Manifest) { m.Serial = 1 }), "not newer"},
		"an older epoch":                     {changed(func(m *safelightv1.Manifest) { m.Epoch, m.Serial = 0, 99 }), "not newer"},
		"the same serial with other content": {changed(func(m *safelightv1.Manifest) { m.Serial = 2 }), "not newer"},
		"a name that climbs out":             {changed(func(m *safelightv1.Manifest) { m.Blobs[0].Name = "../../agent.yaml" }), "bad name"},
		"a name from the root":               {changed(func(m *safelightv1.Manifest) { m.Blobs[0].Name = "/etc/passwd" }), "bad name"},
		"a hash that is none":                {changed(func(m *safelightv1.Manifest) { m.Blobs[0].Sha256 = []byte("../../x") }), "bad name, hash"},
		"a file that is too large":           {changed(func(m *safelightv1.Manifest) { m.Blobs[0].Size = 1 << 40 }), "size"},
		"a size that is not the file's":      {changed(func(m *safelightv1.Manifest) { m.Blobs[1].Size++ }), "not those the manifest names"},
		"a file that nobody has":             {changed(func(m *safelightv1.Manifest) { m.Blobs[0].Sha256 = make([]byte, 32) }), "no such file"},
		"too many files": {changed(func(m *safelightv1.Manifest) {
			for range 1024 {
				m.Blobs = append(m.Blobs, m.Blobs[0])
			}
		}), "at most 1024"},
		"one name twice": {changed(func(m *safelightv1.Manifest) { m.Blobs = append(m.Blobs, m.Blobs[0]) }), "twice"},
		"broken YAML in a file": {func(s *signer) *safelightv1.SignedManifest {
			files := pack("bad.test")
			files["starter/test.yaml"] = []byte("category: [")
			return s.sign(s.manifest(3, files))
		}, "compiling rules"},
		"an unknown key in a file": {func(s *signer) *safelightv1.SignedManifest {
			files := pack("bad.test")
			files["starter/test.yaml"] = append(files["starter/test.yaml"], "colour: red\n"...)
			return s.sign(s.manifest(3, files))
		}, "colour"},
		"no files at all": {func(s *signer) *safelightv1.SignedManifest { return s.sign(s.manifest(3, nil)) }, "compiling rules"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			must(t, d.apply(d.signer.version(1, "one.test")))
			must(t, d.apply(d.signer.version(2, "two.test")))
			wantError(t, d.apply(c.make(d.signer)), c.says)
			d.judges(2, "two.test")
			d.reopen()
			d.judges(2, "two.test")
			if d.logged.Len() > 0 {
				t.Errorf("the restart complains: %s", d.logged)
			}
		})
	}
}

// changed is a well-signed manifest 1.3 with a change.
func changed(with func(*safelightv1.Manifest)) func(*signer) *safelightv1.SignedManifest {
	return func(s *signer) *safelightv1.SignedManifest {
		m := s.manifest(3, pack("bad.test"))
		with(m)
		return s.sign(m)
	}
}

func TestTheSameManifestAgainIsStale(t *testing.T) {
	d := newDevice(t)
	signed := d.signer.version(1, "one.test")
	must(t, d.apply(signed))
	if err := d.apply(signed); !errors.Is(err, policy.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
}

func TestANewEpochBeatsAnySerial(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(900, "one.test")))
	must(t, d.apply(d.signer.epoch(2, d.signer.id, d.signer, nil)))
	if a := d.Active(); a.Epoch != 2 || a.Serial != 1 {
		t.Errorf("policy %d.%d is in force, want 2.1", a.Epoch, a.Serial)
	}
	must(t, d.apply(d.signer.epoch(5, "a key it never saw", d.signer, nil))) // it was away for two
	d.reopen()
	if a := d.Active(); a.Epoch != 5 {
		t.Errorf("after a restart epoch %d is in force, want 5", a.Epoch)
	}
}

func TestAFetchedFileWithOtherBytesIsRefused(t *testing.T) {
	d := newDevice(t)
	signed := d.signer.version(1, "one.test")
	for sum, data := range d.signer.blobs {
		d.signer.blobs[sum] = append([]byte("# "), data[2:]...) // the same length
	}
	wantError(t, d.apply(signed), "not those the manifest names")
	if d.Active() != nil {
		t.Error("it came into force")
	}
	d.reopen()
	if d.Active() != nil {
		t.Error("it came into force at the restart")
	}
}

func TestAFetchThatIsCutOffIsTakenUpAtTheNextTry(t *testing.T) {
	d := newDevice(t)
	signed := d.signer.version(1, "one.test")
	tries := 0
	cut := func(ctx context.Context, sum []byte, offset int64, to io.Writer) error {
		if tries++; tries == 4 {
			return errors.New("the line went dead")
		}
		return d.signer.fetch(ctx, sum, offset, to)
	}
	wantError(t, d.Apply(t.Context(), signed, cut), "the line went dead")
	d.reopen()
	d.signer.asked = 0
	must(t, d.apply(signed))
	d.judges(1, "one.test")
	if d.signer.asked != 1 {
		t.Errorf("%d files were fetched, want only the missing one", d.signer.asked)
	}
}

// A crash after the files were written and before the manifest was.
func TestACrashBetweenFilesAndManifestKeepsTheOldPolicy(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	before, err := os.ReadFile(filepath.Join(d.dir, "current"))
	must(t, err)
	must(t, d.apply(d.signer.version(2, "two.test")))
	must(t, os.WriteFile(filepath.Join(d.dir, "current"), before, 0o600))
	must(t, os.Remove(filepath.Join(d.dir, "previous")))
	d.reopen()
	d.judges(1, "one.test")
	must(t, d.apply(d.signer.version(2, "two.test")))
	d.judges(2, "two.test")
}

func TestADamagedCurrentPolicyFallsBackToThePrevious(t *testing.T) {
	for name, damage := range map[string]func(d *device) error{
		"cut":    func(d *device) error { return os.Truncate(filepath.Join(d.dir, "current"), 40) },
		"empty":  func(d *device) error { return os.Truncate(filepath.Join(d.dir, "current"), 0) },
		"gone":   func(d *device) error { return os.Remove(filepath.Join(d.dir, "current")) },
		"a file": func(d *device) error { return d.damageBlob("two.test") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			must(t, d.apply(d.signer.version(1, "one.test")))
			must(t, d.apply(d.signer.version(2, "two.test")))
			must(t, damage(d))
			d.reopen()
			d.judges(1, "one.test")
			if name != "gone" && d.logged.Len() == 0 {
				t.Error("nobody was told")
			}
			// The collector sends the policy in force again, and later a newer
			// one; the damaged one must never be kept as the one to fall back on.
			must(t, d.apply(d.signer.version(3, "three.test")))
			must(t, os.Truncate(filepath.Join(d.dir, "current"), 40))
			d.reopen()
			d.judges(1, "one.test")
		})
	}
}

// damageBlob spoils the file that names a site.
func (d *device) damageBlob(site string) error {
	entries, err := os.ReadDir(filepath.Join(d.dir, "blobs"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(d.dir, "blobs", e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(data), site) {
			return os.WriteFile(path, data[1:], 0o600)
		}
	}
	return errors.New("no file names " + site)
}

func TestADamagedFileIsFetchedAgain(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	must(t, d.damageBlob("one.test"))
	d.reopen()
	if d.Active() != nil {
		t.Fatal("a policy with a damaged file is in force")
	}
	must(t, d.apply(d.signer.version(1, "one.test")))
	d.judges(1, "one.test")
}

func TestSweepingKeepsWhatThePreviousPolicyNeeds(t *testing.T) {
	d := newDevice(t)
	for serial, site := range []string{"one.test", "two.test", "three.test"} {
		must(t, d.apply(d.signer.version(uint64(serial+1), site)))
	}
	must(t, d.apply(d.signer.version(4, "four.test")))
	entries, err := os.ReadDir(filepath.Join(d.dir, "blobs"))
	must(t, err)
	if len(entries) != 5 { // what never changed, and test.yaml of 3 and of 4
		t.Errorf("%d files are kept, want 5", len(entries))
	}
	must(t, os.Truncate(filepath.Join(d.dir, "current"), 40))
	d.reopen()
	d.judges(3, "three.test")
}

// A stolen laptop's folder must not give a device another school's rules.
func TestAPolicyFolderOfAnotherSchoolIsNotUsed(t *testing.T) {
	d, other := newDevice(t), newDevice(t)
	must(t, other.apply(other.signer.version(1, "one.test")))
	must(t, os.CopyFS(filepath.Join(d.dir, "copy"), os.DirFS(other.dir)))
	d.dir = filepath.Join(d.dir, "copy")
	d.reopen()
	if d.Active() != nil {
		t.Error("another school's policy is in force")
	}
}

func TestAKeyThatIsNoLongerTrustedSignsNothing(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	old := *d.signer
	*d.signer = *newSigner(t)
	wantError(t, d.apply(old.version(2, "two.test")), "does not hold")
}

func TestAnUnknownFieldFromALaterCollectorIsNoTampering(t *testing.T) {
	d := newDevice(t)
	m := d.signer.manifest(1, pack("one.test"))
	m.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01}) // field 127
	signed := d.signer.sign(m)
	raw, err := proto.Marshal(signed)
	must(t, err)
	again := &safelightv1.SignedManifest{}
	must(t, proto.Unmarshal(raw, again))
	must(t, d.apply(again))
	d.judges(1, "one.test")
}

// The stolen collector: it has the policy key and all that is on the server, and
// not the recovery key, which is offline.
func TestAStolenCollectorBeginsNoEpochAndChangesNoKey(t *testing.T) {
	thief := newSigner(t)
	for name, c := range map[string]struct {
		make func(s *signer) *safelightv1.SignedManifest
		says string
	}{
		"a new epoch without leave": {func(s *signer) *safelightv1.SignedManifest {
			signed := s.epoch(2, s.id, s, nil)
			signed.EpochGrant, signed.RecoverySignature = nil, nil
			return signed
		}, "recovery key"},
		"leave by another recovery key": {func(s *signer) *safelightv1.SignedManifest { return s.epoch(2, s.id, s, thief.recovery) }, "recovery key"},
		"leave by the policy key":       {func(s *signer) *safelightv1.SignedManifest { return s.epoch(2, s.id, s, s.key) }, "recovery key"},
		"the leave of another epoch": {func(s *signer) *safelightv1.SignedManifest {
			signed := s.epoch(3, s.id, s, nil)
			other := s.epoch(2, s.id, s, nil)
			signed.EpochGrant, signed.RecoverySignature = other.EpochGrant, other.RecoverySignature
			return signed
		}, "epoch 2"},
		"leave for another key": {func(s *signer) *safelightv1.SignedManifest {
			signed := s.epoch(2, s.id, s, nil)
			other := s.epoch(2, s.id, thief, nil)
			signed.EpochGrant, signed.RecoverySignature = other.EpochGrant, other.RecoverySignature
			return signed
		}, "leave is for key"},
		"leave that follows another key": {func(s *signer) *safelightv1.SignedManifest { return s.epoch(2, thief.id, s, nil) }, "follows key"},
		"another trusted key within the epoch": {func(s *signer) *safelightv1.SignedManifest {
			s.also = thief
			return thief.version(2, "bad.test")
		}, "another key begins another epoch"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			must(t, d.apply(d.signer.version(1, "one.test")))
			wantError(t, d.apply(c.make(d.signer)), c.says)
			d.judges(1, "one.test")
		})
	}
}

func TestANewKeyComesWithItsEpochAndTheOldOneIsOver(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	next := newSigner(t)
	d.signer.also = next
	signed := d.signer.epoch(2, d.signer.id, next, nil)
	must(t, d.apply(signed))
	later := d.signer.version(7, "old.test")
	wantError(t, d.apply(later), "not newer")
	d.reopen()
	if a := d.Active(); a.Epoch != 2 || a.KeyID != next.id {
		t.Errorf("epoch %d by key %s is in force", a.Epoch, a.KeyID)
	}
}

// A school's rules name sites and hold words that no log may.
func TestG11RulesThatDoNotCompileAreSaidByTheirPlace(t *testing.T) {
	d := newDevice(t)
	err := d.apply(d.signer.sign(d.signer.manifest(1, pack("invented host"))))
	wantError(t, err, "invented host", "starter/test.yaml:")
	if said := logging.Say(err); strings.Contains(said, "invented") || !strings.Contains(said, "starter/test.yaml:") {
		t.Errorf("a log says %q", said)
	}
	damaged := pack("two.test")
	damaged[bundle.PolicyFile] = []byte("invented host")
	damaged["invented.yaml"] = []byte("invented host")
	err = d.apply(d.signer.sign(d.signer.manifest(2, damaged)))
	if said := logging.Say(err); err == nil || strings.Contains(said, "invented") || !strings.Contains(said, "compiled rules") {
		t.Errorf("a log says %q of %v", said, err)
	}
}

// What would not be read is not fetched either.
func TestAPolicyFileTooLargeIsNotFetched(t *testing.T) {
	d := newDevice(t)
	m := d.signer.manifest(1, map[string][]byte{bundle.PolicyFile: []byte("x")})
	m.Blobs[0].Size = bundle.MaxPolicy + 1
	wantError(t, d.apply(d.signer.sign(m)), "at most 16")
	if d.signer.asked != 0 {
		t.Error("it was fetched")
	}
}
