package process

import (
	"strings"
	"sync"
	"time"
)

const (
	// readWithin is how long a program's file may take to be read: starts are told one
	// after another, and what waits behind one on a dead network share is lost.
	readWithin = 2 * time.Second
	// maxReading is how many files are read at once, those of dead shares among them.
	maxReading = 4
)

// patient reads what programs' files say of themselves, and waits for none for long. A
// read that does not end cannot be taken back from the system: it is left behind, and
// until it ends nothing else is read from where that file lies.
type patient struct {
	files interface{ facts(path string) facts } // called from several goroutines

	mu      sync.Mutex // guards what follows
	reading int
	late    map[string]int // reads that are over their time, by the place of the file
}

func newPatient(files interface{ facts(path string) facts }) *patient {
	return &patient{files: files, late: map[string]int{}}
}

// facts are empty and late where they could not be read in time.
func (p *patient) facts(path string) facts {
	place := placeOf(path)
	if !p.begin(place) {
		return facts{late: true}
	}
	got := make(chan facts, 1)
	timer := time.NewTimer(readWithin)
	defer timer.Stop()
	over := make(chan struct{}) // closed once it is over its time
	go func() {
		found := p.files.facts(path)
		got <- found
		p.end(place, over)
	}()
	select {
	case found := <-got:
		return found
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case found := <-got: // at the last moment; end has yet to take its turn
		return found
	default:
		p.late[place]++
		close(over)
		return facts{late: true}
	}
}

// begin says whether there is room for a read.
func (p *patient) begin(place string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late[place] > 0 || p.reading == maxReading {
		return false
	}
	p.reading++
	return true
}

func (p *patient) end(place string, over <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading--
	select {
	case <-over:
		if p.late[place]--; p.late[place] == 0 {
			delete(p.late, place)
		}
	default:
	}
}

// placeOf is the share or the drive that a file of Windows' lies on.
func placeOf(path string) string {
	if rest, ok := strings.CutPrefix(path, `\\`); ok {
		server, after, _ := strings.Cut(rest, `\`)
		share, _, _ := strings.Cut(after, `\`)
		return strings.ToLower(`\\` + server + `\` + share)
	}
	drive, _, _ := strings.Cut(path, `\`)
	return strings.ToLower(drive)
}
