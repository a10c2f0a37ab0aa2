package policy_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"safelight/internal/rules"
)

// A laptop is not to read 30 MB from its disk before it can judge: opening looks
// at the ends of a table, and every other page would end this test with a fault.
func TestOpeningLooksAtTheEndsOfATableAlone(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.compiled(1, "one.test")))
	var hidden []byte
	must(t, d.Reopen(func(pages []byte) {
		size := os.Getpagesize()
		last := (len(pages) - 1) / size * size
		hidden = pages[size:last]
		must(t, unix.Mprotect(hidden, unix.PROT_NONE))
	}))
	if len(hidden) < 1<<20 {
		t.Fatalf("%d bytes were hidden: is the table still mapped?", len(hidden))
	}
	d.Use(func(set *rules.Ruleset, _, serial uint64) {
		if set == nil || serial != 1 {
			t.Errorf("policy 1.%d is in force", serial)
		}
	})
	must(t, unix.Mprotect(hidden, unix.PROT_READ))
	d.judges(1, "one.test")
	if !d.flags("name-7.invented.example") {
		t.Error("the table is not judged by")
	}
}

// A page that the disk does not give ends not the agent, and the policy of before
// takes over where a device judges.
func TestATableThatIsCutUnderneathFallsBack(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	must(t, os.Truncate(d.tableFile(), 0))
	if !d.flags("one.test") {
		t.Error("nothing is judged by")
	}
	d.judges(1, "one.test")
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	d.judges(2, "two.test")
}

// A table whose first page cannot be read must not end the agent each time that it
// starts: it starts with the policy of before.
func TestATableThatCannotBeReadAtAStartFallsBack(t *testing.T) {
	d := newDevice(t)
	must(t, d.apply(d.signer.version(1, "one.test")))
	must(t, d.apply(d.signer.compiled(2, "two.test")))
	faults := 0
	must(t, d.Reopen(func(pages []byte) {
		faults++
		must(t, unix.Mprotect(pages, unix.PROT_NONE))
	}))
	if faults == 0 {
		t.Fatal("nothing is mapped: does the table still come first?")
	}
	d.judges(1, "one.test")
	if !strings.Contains(d.logged.String(), "its disk did not answer") {
		t.Errorf("logged %q", d.logged)
	}
}
