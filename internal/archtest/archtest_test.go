package archtest

import (
	"os/exec"
	"strings"
	"testing"
)

// root is the repository's top level, seen from here.
const root = "../.."

func report(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

func house(t *testing.T) tree {
	t.Helper()
	h, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.product()) < 10 {
		t.Fatalf("found %d files under %s: looked in the wrong place", len(h.files), root)
	}
	return h
}

func TestEveryRoomImportsOnlyWhatItMay(t *testing.T) { report(t, checkRooms(house(t), rooms)) }

func TestLibrariesStayInTheirRooms(t *testing.T) { report(t, checkFences(house(t), fences)) }

func TestNoForbiddenCalls(t *testing.T) { report(t, checkCalls(house(t), calls)) }

func TestEveryPackageSaysWhatItIsFor(t *testing.T) { report(t, checkDocs(house(t))) }

func TestFilesStaySmall(t *testing.T) { report(t, checkSizes(house(t), 500)) }

func TestTheTopLevelHoldsOnlyWhatIsPlanned(t *testing.T) {
	wrong, err := checkTop(root, top)
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
}

func TestNoFileNamesThisMachineOrLeavesWork(t *testing.T) {
	wrong, err := checkContent(root, unscanned)
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
}

// unscanned are the files that may hold what the others may not.
var unscanned = map[string]string{}

// Both programs, over everything they link, on every system they are built for.
func TestNeitherProgramLinksWhatItMustNot(t *testing.T) {
	r := released(t)
	wrong, err := r.check(bans, targets)
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
	// A walk that found nothing would find nothing wrong either.
	for from, must := range map[string]string{"agent": "google.golang.org/grpc", "collector": "modernc.org/sqlite"} {
		chains, err := r.reach(module+"/"+from, targets[0])
		if err != nil {
			t.Fatal(err)
		}
		if chains[must] == nil {
			t.Errorf("%s does not reach %s: is it the program's folder?", from, must)
		}
	}
}

var releasedOnce *reacher

// released follows imports as a release is built. It is made once, since it
// remembers the thousands of files that it has read.
func released(t *testing.T) *reacher {
	t.Helper()
	if releasedOnce == nil {
		r, err := newReacher(root, moduleCache(t), releaseTags)
		if err != nil {
			t.Fatal(err)
		}
		releasedOnce = r
	}
	return releasedOnce
}

// moduleCache asks the go command where modules are; what they hold is then read
// from their sources.
func moduleCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skipf("the go command is not on PATH (%v): cannot find the sources of modules", err)
	}
	return strings.TrimSpace(string(out))
}
