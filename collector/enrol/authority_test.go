package enrol_test

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"safelight/collector/enrol"
	"safelight/internal/pki"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// contents are the folder's files, to compare.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		all[e.Name()] = string(data)
	}
	return all
}

func changedFiles(before, after map[string]string) (names []string) {
	for name := range after {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	return names
}

// serves fails unless the authority's certificate is good for the names, now.
func serves(t testing.TB, a *enrol.Authority, at time.Time, names ...string) {
	t.Helper()
	chain, err := pki.ParseChain(a.Certificate().Certificate)
	must(t, err)
	for _, n := range append(names, enrol.ServerName) {
		must(t, pki.VerifyCollector(chain, pki.Pool(a.Root()), []string{n}, at))
	}
	if !chain[len(chain)-1].Equal(a.Root()) {
		t.Error("the chain does not end with the root: no device could hold it against its token")
	}
}

func TestOpeningAgainChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	serves(t, openAuthority(t, dir, noon, "collector.test", "192.0.2.7"), noon, "collector.test", "192.0.2.7")
	before := contents(t, dir)
	openAuthority(t, dir, noon.Add(time.Hour), "collector.test", "192.0.2.7")
	openAuthority(t, dir, noon.Add(time.Hour), "192.0.2.7")
	if got := changedFiles(before, contents(t, dir)); got != nil {
		t.Errorf("changed: %v", got)
	}
}

func TestANewNameRemakesTheCollectorsCertificateAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	openAuthority(t, dir, noon, "collector.test")
	before := contents(t, dir)
	a := openAuthority(t, dir, noon, "collector.test", "new.test")
	serves(t, a, noon, "collector.test", "new.test")
	if got := changedFiles(before, contents(t, dir)); len(got) != 1 || got[0] != "collector.crt" {
		t.Errorf("changed: %v", got)
	}
}

func TestACertificateNearItsEndIsRemade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	openAuthority(t, dir, noon)
	late := noon.Add(pki.CollectorLife - 24*time.Hour)
	serves(t, openAuthority(t, dir, late), late.Add(48*time.Hour))
}

func TestTheIssuingAuthorityIsRenewedBeforeItEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	first := openAuthority(t, dir, noon)
	late := noon.Add(pki.IssuingLife - 30*24*time.Hour)
	a := openAuthority(t, dir, late)
	serves(t, a, late.Add(pki.CollectorLife-time.Hour))
	if !a.Root().Equal(first.Root()) {
		t.Error("the root changed: every device would have to enrol again")
	}
}

func TestWithTheRootKeyOfflineEverythingGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	openAuthority(t, dir, noon)
	must(t, os.Remove(filepath.Join(dir, "root.key")))
	serves(t, openAuthority(t, dir, noon, "new.test"), noon, "new.test")
	serves(t, openAuthority(t, dir, noon.Add(pki.IssuingLife-24*time.Hour)), noon.Add(pki.IssuingLife-time.Hour))
	_, err := enrol.OpenAuthority(dir, "Hill Lane", nil, noon.Add(pki.IssuingLife+time.Hour))
	wantError(t, err, "root.key")
	if _, err := os.Stat(filepath.Join(dir, "root.key")); err == nil {
		t.Error("a new root key was made")
	}
}

func TestWhatIsLostIsNamedAndNotMadeAnew(t *testing.T) {
	for name, c := range map[string]struct {
		lost []string
		says string
	}{
		"the issuing key":                       {[]string{"issuing.key"}, "issuing.key is missing"},
		"root key and issuing certificate":      {[]string{"root.key", "issuing.crt", "issuing.key"}, "root key is offline"},
		"the root's certificate, others remain": {[]string{"root.crt", "root.key"}, "not from the root"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ca")
			openAuthority(t, dir, noon)
			for _, f := range c.lost {
				must(t, os.Remove(filepath.Join(dir, f)))
			}
			_, err := enrol.OpenAuthority(dir, "Hill Lane", nil, noon)
			wantError(t, err, c.says)
		})
	}
}

func TestALostCollectorKeyIsReplacedWithItsCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	before := openAuthority(t, dir, noon, "collector.test")
	must(t, os.Remove(filepath.Join(dir, "collector.key")))
	a := openAuthority(t, dir, noon, "collector.test")
	serves(t, a, noon, "collector.test")
	if bytes.Equal(a.Certificate().Certificate[0], before.Certificate().Certificate[0]) {
		t.Error("a new key is served with the lost one's certificate")
	}
	leaf, err := x509.ParseCertificate(a.Certificate().Certificate[0])
	must(t, err)
	want, err := pki.KeyHash(leaf.PublicKey)
	must(t, err)
	key, err := pki.LoadKey(filepath.Join(dir, "collector.key"))
	must(t, err)
	got, err := pki.KeyHash(key.Public())
	must(t, err)
	if got != want {
		t.Error("key and certificate do not belong together")
	}
}

func TestAKeyThatOthersCanReadStopsTheStart(t *testing.T) {
	for _, name := range []string{"root.key", "issuing.key", "collector.key"} {
		dir := filepath.Join(t.TempDir(), "ca")
		openAuthority(t, dir, noon)
		must(t, os.Chmod(filepath.Join(dir, name), 0o644))
		_, err := enrol.OpenAuthority(dir, "Hill Lane", nil, noon)
		wantError(t, err, name, "others may read it")
	}
}

func TestDamagedCertificatesAreNamed(t *testing.T) {
	for _, name := range []string{"root.crt", "issuing.crt", "collector.crt"} {
		dir := filepath.Join(t.TempDir(), "ca")
		openAuthority(t, dir, noon)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("half a fi"), 0o600))
		_, err := enrol.OpenAuthority(dir, "Hill Lane", nil, noon)
		wantError(t, err, name)
	}
}

// A crash after a key was written and before its certificate was.
func TestACrashInTheMiddleOfTheFirstStartIsMendedAtTheNext(t *testing.T) {
	for _, lost := range [][]string{
		{"root.crt", "issuing.key", "issuing.crt", "collector.key", "collector.crt"},
		{"issuing.crt", "collector.key", "collector.crt"},
		{"collector.crt"},
	} {
		dir := filepath.Join(t.TempDir(), "ca")
		openAuthority(t, dir, noon)
		for _, f := range lost {
			must(t, os.Remove(filepath.Join(dir, f)))
		}
		serves(t, openAuthority(t, dir, noon, "collector.test"), noon, "collector.test")
	}
}
