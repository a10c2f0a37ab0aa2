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
	// maxReading is how many files are read at once, those over their time apart.
	maxReading = 4
	// hangingShares is how many reads may be left behind on shares, one on each: the
	// second would hang as well, and each holds a thread of the system's.
	hangingShares = 4
	// hangingHere is how many may be on a drive of this device's own: one slow file
	// there says nothing of the others.
	hangingHere = 2
)

// patient reads what programs' files say of themselves, and waits for none for long. A
// read that does not end cannot be taken back from the system: it is left behind, and
// until it ends that file is not read again, nor is anything else from its share, nor,
// where two files hang, from its drive.
type patient struct {
	files interface{ facts(path string) facts } // called from several goroutines
	// far says of a drive, as "z:", that other computers or programs answer for it.
	far func(drive string) bool

	mu      sync.Mutex // guards what follows
	reading int
	late    map[string]int  // reads that are over their time, by the place of the file
	hanging map[string]bool // their files
	shares  int             // those of them that lie on shares
}

func newPatient(files interface{ facts(path string) facts }, far func(drive string) bool) *patient {
	return &patient{files: files, far: far, late: map[string]int{}, hanging: map[string]bool{}}
}

// facts are empty and late where they could not be read in time.
func (p *patient) facts(path string) facts {
	at := p.placeOf(path)
	if !p.begin(at) {
		return facts{late: true}
	}
	got := make(chan facts, 1)
	timer := time.NewTimer(readWithin)
	defer timer.Stop()
	over := make(chan struct{}) // closed once it is over its time
	go func() {
		found := p.files.facts(path)
		got <- found
		p.end(at, over)
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
		p.leave(at)
		close(over)
		return facts{late: true}
	}
}

// begin says whether there is room for a read.
func (p *patient) begin(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.reading < maxReading && !p.hanging[at.file]
	if at.share {
		room = room && p.late[at.name] == 0 && p.shares < hangingShares
	} else {
		room = room && p.late[at.name] < hangingHere
	}
	if room {
		p.reading++
	}
	return room
}

// leave leaves a read behind. It needs mu.
func (p *patient) leave(at place) {
	p.reading--
	p.late[at.name]++
	p.hanging[at.file] = true
	if at.share {
		p.shares++
	}
}

func (p *patient) end(at place, over <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-over:
	default:
		p.reading--
		return
	}
	delete(p.hanging, at.file)
	if p.late[at.name]--; p.late[at.name] == 0 {
		delete(p.late, at.name)
	}
	if at.share {
		p.shares--
	}
}

// place is where a file of Windows' lies.
type place struct {
	name  string // of the share or the drive
	share bool   // it may stop answering as a whole: a share, a drive that is one, a mount of a program's
	file  string
}

func (p *patient) placeOf(path string) place {
	path = strings.ToLower(path)
	at := place{share: true, file: path}
	if rest, ok := strings.CutPrefix(path, `\\`); ok {
		server, after, _ := strings.Cut(rest, `\`)
		share, _, _ := strings.Cut(after, `\`)
		at.name = `\\` + server + `\` + share
		return at
	}
	if device, _, ok := splitDevice(path); ok { // no letter stands for it
		at.name = strings.ToLower(device)
		return at
	}
	at.name, _, _ = strings.Cut(path, `\`)
	at.share = p.far(at.name)
	return at
}
