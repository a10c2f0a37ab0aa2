package e2etest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A wall clock that jumps, for real programs. Nobody can set the machine's clock
// for one program alone, so the two are built once more with a standard library
// whose time.Now adds a number of seconds that a file beside the program's folder
// holds. The monotonic clock stays as it is, as when somebody sets a real one. All
// of it is laid over the source for that build: the source of the product knows
// nothing of it.

// skewTime is added to package time.
const skewTime = `package time

import "sync/atomic"

var skew atomic.Int64

// SetTestSkew moves the wall clock that Now reads.
func SetTestSkew(seconds int64) { skew.Store(seconds) }
`

// skewMain is added to the two programs.
const skewMain = `package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	for i, arg := range os.Args[:len(os.Args)-1] {
		if arg == "--dir" {
			path := os.Args[i+1] + ".skew"
			readTestSkew(path)
			go func() {
				for range time.Tick(20 * time.Millisecond) {
					readTestSkew(path)
				}
			}()
		}
	}
}

func readTestSkew(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil {
		time.SetTestSkew(n)
	}
}
`

// nowReads is what is changed in package time, and into what.
const (
	nowReads  = "\tsec, nsec, mono := runtimeNow()\n"
	skewReads = nowReads + "\tsec += skew.Load()\n"
)

// skewedBin builds both programs with clocks that can be set, once.
var skewedBin = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(bin, "skewed")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding Go: %w", err)
	}
	timeDir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(timeDir, "time.go"))
	if err != nil {
		return "", fmt.Errorf("reading package time: %w", err)
	}
	at := bytes.Index(text, []byte("\nfunc Now() Time {\n"+nowReads))
	if at < 0 {
		return "", fmt.Errorf("time.Now of %s no longer begins with %q: mend skew_test.go", timeDir, nowReads)
	}
	changed := string(text[:at]) + strings.Replace(string(text[at:]), nowReads, skewReads, 1)
	module, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for target, text := range map[string]string{
		filepath.Join(timeDir, "time.go"):             changed,
		filepath.Join(timeDir, "skew.go"):             skewTime,
		filepath.Join(module, "agent", "skew.go"):     skewMain,
		filepath.Join(module, "collector", "skew.go"): skewMain,
	} {
		own := filepath.Join(dir, fmt.Sprintf("overlay-%d.go", len(replace)))
		if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[target] = own
	}
	overlay := filepath.Join(dir, "overlay.json")
	spec, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, spec, 0o600); err != nil {
		return "", err
	}
	return dir, buildPrograms(dir, "-overlay", overlay)
})

// wallClock is one machine's.
type wallClock struct {
	dir string // the program's

	mu   sync.Mutex // guards jumps
	past []jump
}

// jump is from when on a clock was how wrong.
type jump struct {
	at   time.Time
	skew time.Duration
}

// set makes the clock wrong by so much, whole seconds.
func (c *wallClock) set(t *testing.T, skew time.Duration) {
	t.Helper()
	path := c.dir + ".skew"
	check(t, os.WriteFile(path+".new", []byte(strconv.FormatInt(int64(skew/time.Second), 10)), 0o600))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past = append(c.past, jump{time.Now(), skew})
	check(t, os.Rename(path+".new", path))
}

// reading says when it really was when the clock read so. No two skews of a clock
// lie closer together than a round takes, so there is one answer.
func (c *wallClock) reading(t *testing.T, read time.Time) time.Time {
	t.Helper()
	const slack = time.Second // until a program has read its file
	from, skew := time.Time{}, time.Duration(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; ; i++ {
		to := time.Now()
		if i < len(c.past) {
			to = c.past[i].at
		}
		if truly := read.Add(-skew); truly.After(from.Add(-slack)) && truly.Before(to.Add(slack)) {
			return truly
		}
		if i == len(c.past) {
			t.Errorf("a clock read %s, which it never stood at: %v", read, c.past)
			return read
		}
		from, skew = c.past[i].at, c.past[i].skew
	}
}

// between draws a skew, in whole minutes.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64((high-low)/time.Minute)))*time.Minute
}

// The seam that the tests move clocks by is in no program that is shipped.
func TestTheShippedProgramsHaveNoClockThatATestCanSet(t *testing.T) {
	for _, name := range []string{"safelight-agent", "safelight-collector"} {
		program := must[[]byte](t)(os.ReadFile(filepath.Join(bin, name)))
		for _, seam := range []string{"SetTestSkew", "readTestSkew", ".skew"} {
			if bytes.Contains(program, []byte(seam)) {
				t.Errorf("%s holds %q", name, seam)
			}
		}
		if !bytes.Contains(program, []byte("time.Now")) {
			t.Errorf("%s holds no names of functions: this test proves nothing", name)
		}
	}
}
