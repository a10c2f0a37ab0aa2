package policy_test

import (
	"testing"
	"time"

	"safelight/collector/policy"
	"safelight/internal/pki"
)

// A pack's own list is in the device's table as hashes too: what the device takes
// for one of its names has to be found in the file's text.
func TestANameIsLookedUpInThePacksOwnFile(t *testing.T) {
	h := newHouse(t)
	now := noon
	key, err := pki.NewPolicyKey()
	must(t, err)
	p, err := policy.NewPublisher(t.Context(), school, key, shipped(t), h.store, func() time.Time { return now })
	must(t, err)
	says := func(id, host string, wantHolds, wantKnown bool) {
		t.Helper()
		holds, known, err := p.InFile(t.Context(), id, host)
		if err != nil || holds != wantHolds || known != wantKnown {
			t.Errorf("%s on %s: %v, known %v, %v", host, id, holds, known, err)
		}
	}
	says("blocks", "a.example", false, false) // no rules yet
	publish := func(text string) {
		t.Helper()
		files := pack(t, "flagged.test")
		files["mine/blocks.txt"] = []byte(text)
		files["mine/more.yaml"] = []byte("extends: test\nowner: Head of Year\nwhy: Somebody has to notice.\ndomains: [{file: blocks.txt, format: hosts}]\ntests: {miss: [{domain: example.org}]}\n")
		_, err := p.Publish(t.Context(), files, "u1", "because")
		must(t, err)
	}
	publish("0.0.0.0 Crates.Example # ours\n0.0.0.0 localhost old.example\n")
	says("blocks", "crates.example", true, true)
	says("blocks", "www.crates.example", true, true)
	says("blocks", "barrels.example", false, true)
	says("blocks", "localhost", false, true)
	says("other", "crates.example", false, false)

	// A laptop that was off still judges by the file of before; one day it is over.
	now = noon.AddDate(0, 0, 30)
	publish("0.0.0.0 new.example\n")
	says("blocks", "new.example", true, true)
	now = now.AddDate(0, 0, 100)
	says("blocks", "old.example", true, true)
	now = now.AddDate(0, 0, 30)
	says("blocks", "old.example", false, true)
	says("blocks", "new.example", true, true)
}
