package main

import (
	"strings"
	"testing"
	"time"

	"safelight/agent/daemon"
)

func TestALengthOfTimeIsSaidInOneUnit(t *testing.T) {
	for d, says := range map[time.Duration]string{
		0: "less than a minute", time.Minute: "1 minute", 89 * time.Minute: "89 minutes", 26*time.Hour + 3*time.Minute: "26 hours", 40 * 24 * time.Hour: "40 days",
	} {
		if got := span(d); got != says {
			t.Errorf("%s is said as %q, want %q", d, got, says)
		}
	}
}

// TestWhatHidesNamesIsSaidAsOnTheCollectorsPages: a word of programs (own_resolver)
// stands nowhere, one that is not known either.
func TestWhatHidesNamesIsSaidAsOnTheCollectorsPages(t *testing.T) {
	got := hiddenLine(map[string]uint64{"own_resolver": 1, "unheard_of": 2})
	if got != "a browser that looks names up by itself once, unheard of 2 times" {
		t.Errorf("it says %q", got)
	}
}

// TestAnAgentThatDoesNotRunSaysWhatToDo: "running no" alone leaves whoever reads it
// where they were.
func TestAnAgentThatDoesNotRunSaysWhatToDo(t *testing.T) {
	var out strings.Builder
	if err := printStatus(&out, daemon.Status{Enrolled: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "service start") || !strings.Contains(out.String(), "nothing watches this device") {
		t.Errorf("it says:\n%s", out.String())
	}
}
