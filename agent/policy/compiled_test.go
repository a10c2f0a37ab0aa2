package policy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"safelight/internal/bundle"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/rules/names"
	safelightv1 "safelight/proto/safelight/v1"
)

// largeList is enough names for a table that is mapped.
const largeList = 250_000

// tables are the compiled files of a pack that flags one site, and a list that is
// built once for all tests.
func tables(t testing.TB, site string) map[string][]byte {
	t.Helper()
	large.build.Do(func() {
		files := pack("one.test")
		files["starter/test.yaml"] = []byte(strings.Replace(string(files["starter/test.yaml"]), "domains: [one.test]",
			"domains: [one.test, {list: large, url: \"https://lists.invented.example/l\", format: domains, licence: CC0-1.0, from: Nobody}]", 1))
		set, err := rules.CompileWith(files, map[string]rules.NameList{"large": func(yield func(string) bool) {
			for i := range largeList {
				if !yield(fmt.Sprintf("name-%d.invented.example", i)) {
					return
				}
			}
		}})
		if large.err = err; err == nil {
			large.policy, large.tables = set.Policy(), set.Tables()
		}
	})
	must(t, large.err)
	p := *large.policy
	p.Domains = []rules.NamedRule{{Name: site, Rule: p.Domains[0].Rule}}
	files, err := bundle.EncodeParts(&p, large.tables, nil)
	must(t, err)
	return files
}

var large struct {
	build  sync.Once
	err    error
	policy *rules.Policy
	tables rules.Tables
}

func (s *signer) compiled(serial uint64, site string) *safelightv1.SignedManifest {
	return s.sign(s.manifest(serial, tables(s.t, site)))
}

// flags says whether a device flags a site.
func (d *device) flags(site string) (flagged bool) {
	d.Use(func(set *rules.Ruleset, _, _ uint64) {
		flagged = set != nil && set.Judge(rules.Input{Kind: event.Domain, Text: site}).Decision == rules.Flag
	})
	return flagged
}

func TestACompiledPolicyComesIntoForceAndStaysOverARestart(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "yaml.test"))) // by the collector before its update
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	for range 2 {
		d.judges(2, "two.test")
		if !d.flags("www.name-7.invented.example") || d.flags("name-x.invented.example") || d.flags("yaml.test") {
			t.Error("its list is not judged by")
		}
		d.reopen()
	}
}

func TestAnOverlayCostsItsOwnBytes(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.compiled(1, "one.test")))
	files := tables(t, "one.test")
	base, err := names.Open(files[bundle.NamesFile])
	must(t, err)
	var adds []names.Entry
	for i := range 5000 {
		adds = append(adds, names.Entry{Name: fmt.Sprintf("new-%d.invented.example", i)})
	}
	files[bundle.OverlayFile], err = names.BuildOverlay(base, adds, []string{"name-7.invented.example"})
	must(t, err)
	d.signer.sent = 0
	must(t, d.apply(d.signer.sign(d.signer.manifest(2, files))))
	if d.signer.sent != int64(len(files[bundle.OverlayFile])) || d.signer.sent > 60<<10 {
		t.Errorf("%d bytes were fetched for an overlay of %d", d.signer.sent, len(files[bundle.OverlayFile]))
	}
	if !d.flags("new-42.invented.example") || d.flags("name-7.invented.example") || !d.flags("name-8.invented.example") {
		t.Error("it is not judged by")
	}
	// Back to the rules of before, under a new serial: all is there already.
	d.signer.sent = 0
	must(t, d.apply(d.signer.compiled(3, "one.test")))
	if d.signer.sent != 0 {
		t.Errorf("%d bytes were fetched for what is on disk", d.signer.sent)
	}
	if d.flags("new-42.invented.example") || !d.flags("name-7.invented.example") {
		t.Error("it is not judged by")
	}
}

func TestCompiledFilesThatDoNotGoTogetherChangeNothing(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.compiled(1, "one.test")))
	for name, c := range map[string]struct {
		spoil func(files map[string][]byte)
		says  string
	}{
		"no phrases":         {func(f map[string][]byte) { delete(f, bundle.PhrasesFile) }, "phrases.tbl is missing"},
		"YAML beside them":   {func(f map[string][]byte) { f["starter/test.yaml"] = []byte("x") }, "no place among them"},
		"an overlay alone":   {func(f map[string][]byte) { delete(f, bundle.NamesFile); f[bundle.OverlayFile] = []byte("x") }, "not there"},
		"a broken overlay":   {func(f map[string][]byte) { f[bundle.OverlayFile] = []byte("x") }, bundle.OverlayFile},
		"tables exchanged":   {func(f map[string][]byte) { f[bundle.PhrasesFile] = f[bundle.NamesFile] }, "opening"},
		"names cut short":    {func(f map[string][]byte) { f[bundle.NamesFile] = f[bundle.NamesFile][:len(f[bundle.NamesFile])-8] }, "opening"},
		"a policy of no use": {func(f map[string][]byte) { f[bundle.PolicyFile] = []byte{8, 1} }, "opening"},
	} {
		files := tables(t, "two.test")
		c.spoil(files)
		wantError(t, d.apply(d.signer.sign(d.signer.manifest(2, files))), c.says)
		if d.Active().Serial != 1 || !d.flags("one.test") {
			t.Fatalf("%s: it changed the policy in force", name)
		}
	}
}

// tableFile is where the large table lies.
func (d *device) tableFile() string {
	d.t.Helper()
	var found string
	must(d.t, filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 1<<20 {
			found = path
		}
		return err
	}))
	if found == "" {
		d.t.Fatal("no table is on disk")
	}
	return found
}

// A start trusts the table by its size; what the disk did to it is found later,
// and the collector sends it anew.
func TestADamagedTableIsFoundAndFetchedAgain(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	f, err := os.OpenFile(d.tableFile(), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("spoilt"), 700_000)
	must(t, errors.Join(err, f.Close()))
	d.reopen()
	d.judges(2, "two.test")
	d.CheckNow(t.Context())
	d.judges(1, "one.test")
	if !strings.Contains(d.logged.String(), "cannot be read, falling back") {
		t.Errorf("logged %q", d.logged)
	}
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	d.judges(2, "two.test")
	d.CheckNow(t.Context())
	d.judges(2, "two.test")
}

func TestATableOfAnotherSizeIsFoundAtTheStart(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	must(t, os.Truncate(d.tableFile(), 1<<20+1))
	d.reopen()
	d.judges(1, "one.test")
}

func TestDevicesJudgeWhileTheirPolicyIsReplaced(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.compiled(1, "one.test")))
	var judging sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		judging.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !d.flags(fmt.Sprintf("name-%d.invented.example", i%largeList)) {
					t.Error("a name of the list is not flagged")
					return
				}
			}
		})
	}
	for serial := range uint64(12) {
		must(t, d.apply(d.signer.compiled(serial+2, fmt.Sprintf("site-%d.test", serial))))
	}
	close(stop)
	judging.Wait()
	d.judges(13, "site-11.test")
}
