package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"safelight/internal/rules"
)

// A page that the disk does not give is a SIGBUS, which ends a program; a file
// that is cut under its mapping gives the same.
func TestADiskThatNoLongerAnswersEndsNotTheAgent(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 1<<16)
	path := write(t, data)
	logged := &strings.Builder{}
	s := bare(t, logged)
	p := over(t, path, int64(len(data)))
	s.now.Store(p)
	must(t, os.Truncate(path, 0))
	calls, judged := 0, false
	s.Use(func(_ *rules.Ruleset, _, serial uint64) {
		calls++
		if serial == 7 {
			_ = bytes.Count(p.mappings[0].data, []byte{7}) // faults
		}
		judged = true
	})
	if calls != 2 || !judged {
		t.Errorf("called %d times, ended well: %v", calls, judged)
	}
	if s.Active() != nil || !strings.Contains(logged.String(), "cannot be read") {
		t.Errorf("%v is in force; logged %q", s.Active(), logged)
	}
}
