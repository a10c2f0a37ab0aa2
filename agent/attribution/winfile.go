package attribution

import (
	"strings"
	"sync"
	"time"
)

const (
	// fileWait is how long it may take to find out whether there is a file: owners are
	// found one after another, and everybody's names wait behind one on a dead drive.
	fileWait = 250 * time.Millisecond
	// maxFileWaits is how many questions may hang at once on one drive: each holds a
	// thread of the system's until the drive answers. There are no more drives than
	// letters.
	maxFileWaits = 2
)

// fileAsker asks whether there is a file, and waits for no drive for long. One that
// does not answer in time is taken for none; other drives are asked all the same. It
// takes paths that begin with a drive's letter.
type fileAsker struct {
	ask func(path string) bool

	mu      sync.Mutex     // guards what follows
	hanging map[string]int // questions, by drive
}

func (f *fileAsker) is(path string) bool {
	drive := strings.ToLower(path[:min(len(path), len("c:"))])
	if !f.begin(drive) {
		return false
	}
	there := make(chan bool, 1)
	go func() {
		found := f.ask(path)
		f.end(drive)
		there <- found
	}()
	timer := time.NewTimer(fileWait)
	defer timer.Stop()
	select {
	case found := <-there:
		return found
	case <-timer.C:
		return false
	}
}

// begin says whether the drive may be asked.
func (f *fileAsker) begin(drive string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hanging[drive] >= maxFileWaits {
		return false
	}
	if f.hanging == nil {
		f.hanging = make(map[string]int)
	}
	f.hanging[drive]++
	return true
}

func (f *fileAsker) end(drive string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hanging[drive]--; f.hanging[drive] == 0 {
		delete(f.hanging, drive)
	}
}
