package enrol_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"safelight/agent/enrol"
)

// FuzzState loads an identity of which one file holds whatever bytes: it is the
// identity, or refused, and asking it anything is no fault.
func FuzzState(f *testing.F) {
	c := newCollector(f)
	dir := f.TempDir()
	_, err := enrolAt(f, dir, c.token(1), "")
	must(f, err)
	names := []string{"identity.json", "device.crt", "trust.pb", "clock.json", "device.key"}
	good := map[string][]byte{}
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			data = []byte(`{"server":"2026-11-20T12:00:00Z","skew_ns":12}`) // not heard yet
		}
		good[name] = data
		f.Add(i, data)
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		dir := t.TempDir()
		name := names[max(which, -(which+1))%len(names)]
		for _, n := range names {
			content := good[n]
			if n == name {
				content = data
			}
			must(t, os.WriteFile(filepath.Join(dir, n), content, 0o600))
		}
		id, err := enrol.Load(dir)
		if err != nil {
			return
		}
		_ = id.Expires()
		_ = id.PolicyKeys()
		_ = id.RecoveryKey()
		_ = id.Clock().Now()
		if slices.Contains(id.Reach(), "") && name != "identity.json" && name != "trust.pb" {
			t.Error("an address that is none")
		}
		_ = id.Clock().Heard(id.Expires())
	})
}
