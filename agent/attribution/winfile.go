package attribution

import (
	"sync"
	"time"
)

const (
	// fileWait is how long it may take to find out whether there is a file: owners are
	// found one after another, and everybody's names wait behind one on a dead drive.
	fileWait = 250 * time.Millisecond
	// maxFileWaits is how many questions may hang at once: each holds a thread of the
	// system's until the drive answers.
	maxFileWaits = 2
)

// fileAsker asks whether there is a file, and waits for no drive for long. One that
// does not answer in time is taken for none.
type fileAsker struct {
	ask func(path string) bool

	mu      sync.Mutex // guards what follows
	hanging int
}

func (f *fileAsker) is(path string) bool {
	f.mu.Lock()
	if f.hanging >= maxFileWaits {
		f.mu.Unlock()
		return false
	}
	f.hanging++
	f.mu.Unlock()
	there := make(chan bool, 1)
	go func() {
		found := f.ask(path)
		f.mu.Lock()
		f.hanging--
		f.mu.Unlock()
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
