package weblog

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"safelight/agent/source"
)

// older is line n as if logged ago before now.
func older(n int, ago time.Duration) string {
	return strings.Replace(line(n), fmt.Sprint(now.Unix()), fmt.Sprint(now.Add(-ago).Unix()), 1)
}

func back(d time.Duration) func(*Config) { return func(c *Config) { c.ReadBack = d } }

// hand is a clock that a test moves while the source reads it.
type hand struct{ past atomic.Int64 }

func (h *hand) now() time.Time { return now.Add(time.Duration(h.past.Load())) }

// Following is remembered although nothing was told: what comes while the agent
// is off must not be taken for old when it is started again.
func TestALogOnceFollowedIsReadOnAfterTheAgentWasOff(t *testing.T) {
	l := newLog(t)
	l.add(older(0, 48*time.Hour))
	first := l.follow(nil, back(10*time.Minute)).look(1)
	checkpoint := first.stop()
	if len(first.got) != 0 || checkpoint == nil {
		t.Fatalf("told %d and kept the place %v", len(first.got), checkpoint)
	}
	l.add(older(1, 47*time.Hour))
	second := l.follow(checkpoint, back(10*time.Minute)).look(1)
	second.stop()
	same(t, second.hosts(), hosts(1, 2))
}

// A writer whose clock or zone is wrong dates its lines hours back.
func TestALineThatComesWhileFollowingIsNewWhateverItsDate(t *testing.T) {
	l := newLog(t)
	l.add(older(0, 5*time.Hour))
	r := l.follow(nil, back(10*time.Minute)).look(1)
	l.add(older(1, 5*time.Hour))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(1, 2))
}

func TestOnlyWhatComesIsRead(t *testing.T) {
	l := newLog(t)
	l.add(line(0))
	r := l.follow(nil, back(FromEnd)).look(1)
	l.add(line(1))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(1, 2))
}

func TestALogThatComesLaterIsAllNew(t *testing.T) {
	l := newLog(t)
	r := l.follow(nil, back(FromEnd)).look(1)
	l.add(someLines(0, 2))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(0, 2))
}

// Gigabytes of old log are not read through, nor is the line in whose middle
// reading begins taken for a broken one.
func TestOfAHugeOldLogOnlyTheEndIsLookedAt(t *testing.T) {
	l := newLog(t)
	l.add(line(0) + strings.Repeat(older(1, time.Hour), 2*maxReadBack/len(line(1))) + line(2))
	r := l.follow(nil, back(10*time.Minute)).look(1)
	if st := r.src.Status(); st.Dropped != 0 || strings.Contains(st.Detail, "not understood") {
		t.Errorf("status %+v", st)
	}
	r.stop()
	same(t, r.hosts(), hosts(2, 3))
}

// The header stands at the file's beginning, and reading goes on in its middle.
func TestAHeaderIsReadAgainAfterARestart(t *testing.T) {
	zeek := func(c *Config) { c.Format = "zeek" }
	l := newLog(t)
	row := func(n int) string { return fmt.Sprintf("%d.1\t192.0.2.7\thost%d.example.org\n", now.Unix(), n) }
	l.add(zeekHead + "#fields\tts\tid.orig_h\tserver_name\n" + row(0))
	checkpoint := l.follow(nil, zeek).look(1).stop()
	l.add(row(1))
	r := l.follow(checkpoint, zeek).look(1)
	r.stop()
	same(t, r.hosts(), hosts(1, 2))
}

func TestRepeatsOfALogAreCounted(t *testing.T) {
	l := newLog(t)
	l.add(strings.Repeat(line(0), 5) + line(1))
	clock := &hand{}
	r := l.follow(nil, func(c *Config) { c.Now = clock.now }).look(1)
	if !slices.Equal(r.hosts(), hosts(0, 2)) || r.got[0].Count != 1 {
		t.Errorf("told %q, the first with count %d; want it at once", r.hosts(), r.got[0].Count)
	}
	clock.past.Store(int64(2 * time.Minute))
	l.add(line(0))
	r.look(1)
	checkpoint := r.stop()
	if n := len(r.got); n != 3 || r.got[2].Count != 5 {
		t.Errorf("the fifth repeat: %+v", r.got[n-1])
	}
	again := l.follow(checkpoint).look(1)
	again.stop()
	same(t, again.hosts(), nil)
}

// question and reply are dnsmasq's lines.
func asked(n int) string {
	return fmt.Sprintf("Nov 21 09:00:00 dnsmasq[4]: query[A] host%d.example.org from 192.0.2.%d\n", n, n+1)
}

func replied(n int, with string) string {
	return fmt.Sprintf("Nov 21 09:00:00 dnsmasq[4]: config host%d.example.org is %s\n", n, with)
}

// An attempt is told as one, and not before as a visit (G10).
func TestG10ARefusalOnALineOfItsOwn(t *testing.T) {
	l := newLog(t)
	dnsmasq := func(c *Config) { c.Format = "dnsmasq" }
	l.add(asked(0))
	r := l.follow(nil, dnsmasq).look(1)
	if len(r.got) != 0 {
		t.Errorf("told %q before the answer", r.hosts())
	}
	l.add(replied(0, "NXDOMAIN"))
	r.look(1)
	r.stop()
	if len(r.got) != 1 || !r.got[0].Attempt || r.got[0].LogOf != "dns" {
		t.Errorf("told %+v", r.got)
	}
}

func TestAQuestionThatNobodyAnswersIsToldInTheEnd(t *testing.T) {
	l := newLog(t)
	l.add(asked(0) + asked(1) + replied(1, "198.51.100.4"))
	clock := &hand{}
	r := l.follow(nil, func(c *Config) { c.Format, c.Now = "dnsmasq", clock.now }).look(1)
	if len(r.got) != 0 {
		t.Errorf("told %q out of order", r.hosts())
	}
	clock.past.Store(int64(grace))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(0, 2))
}

// Questions overlap, and the agent is killed after any of them.
func TestKilledBetweenQuestionAndAnswer(t *testing.T) {
	var log strings.Builder
	for n := range 8 {
		log.WriteString(asked(n))
		if n%2 == 1 { // the later question is answered first
			log.WriteString(replied(n, "198.51.100.4") + replied(n-1, "NXDOMAIN"))
		}
	}
	for killed := 1; killed <= 8; killed++ {
		l := newLog(t)
		l.add(log.String())
		dnsmasq := func(c *Config) { c.Format = "dnsmasq" }
		first := l.followUntil(killed, nil, dnsmasq).look(1)
		checkpoint := first.stop()
		second := l.follow(checkpoint, dnsmasq).look(1)
		second.stop()
		same(t, append(first.hosts(), second.hosts()...), hosts(0, 8))
		for i, o := range append(first.got, second.got...) {
			if o.Attempt != (i%2 == 0) {
				t.Errorf("killed after %d: %s attempt %v", killed, o.Name, o.Attempt)
			}
		}
	}
}

func TestManyQuestionsWithoutAnswersFillNoMemory(t *testing.T) {
	p := pairs{answers: true}
	told := 0
	for n := range 10 * maxWaiting {
		p.add(Entry{Host: fmt.Sprint(n), stage: question}, place{}, int64(n), now)
		for _, ok := p.next(now); ok; _, ok = p.next(now) {
			told++
		}
		if cap(p.waiting) > 4*maxWaiting {
			t.Fatalf("room for %d", cap(p.waiting))
		}
	}
	for _, ok := p.next(now.Add(grace)); ok; _, ok = p.next(now.Add(grace)) {
		told++
	}
	if told != 10*maxWaiting {
		t.Errorf("told %d", told)
	}
}

// A filter that calls its columns something else must not look as if nobody
// went anywhere.
func TestACSVWhoseHostIsNotFoundIsSaidSo(t *testing.T) {
	l := newLog(t)
	l.add("Wann,Ziel\n2026-11-21T09:00:00Z,host0.example.org\n")
	r := l.follow(nil, func(c *Config) { c.Format = "csv" }).look(3)
	if st := r.src.Status(); st.State != source.Unavailable || !strings.Contains(st.Detail, "columns: {host") {
		t.Errorf("status %+v; want the mend", st)
	}
	r.stop()
}
