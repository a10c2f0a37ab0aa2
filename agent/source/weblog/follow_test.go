package weblog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// line is a line of Squid's log for host n.
func line(n int) string {
	return fmt.Sprintf("%d.%03d    245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT host%d.example.org:443 pupil07 HIER_DIRECT/198.51.100.4 -\n",
		now.Unix(), n%1000, n)
}

// lines puts several together.
func someLines(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(line(n))
	}
	return b.String()
}

// log is a directory with a log in it.
type logDir struct {
	t    *testing.T
	path string
}

func newLog(t *testing.T) *logDir {
	return &logDir{t, filepath.Join(t.TempDir(), "access.log")}
}

func (l *logDir) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *logDir) add(text string) { l.addTo("", text) }

func (l *logDir) addTo(suffix, text string) {
	l.t.Helper()
	f, err := os.OpenFile(l.path+suffix, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	l.must(err)
	_, err = f.WriteString(text)
	l.must(errors.Join(err, f.Close()))
}

// rename is how logrotate and squid rotate: the others move up, ours is .1.
func (l *logDir) rename() {
	l.t.Helper()
	for n := 8; n > 0; n-- {
		_ = os.Rename(fmt.Sprintf("%s.%d", l.path, n), fmt.Sprintf("%s.%d", l.path, n+1))
	}
	l.must(os.Rename(l.path, l.path+".1"))
}

// copytruncate is how logrotate rotates for writers that cannot reopen.
func (l *logDir) copytruncate() {
	l.t.Helper()
	b, err := os.ReadFile(l.path)
	l.must(err)
	l.must(os.WriteFile(l.path+".1", b, 0o600))
	l.must(os.Truncate(l.path, 0))
}

// aged makes a file look changed a while ago.
func (l *logDir) aged(suffix string, ago time.Duration) {
	l.t.Helper()
	at := time.Now().Add(-ago)
	l.must(os.Chtimes(l.path+suffix, at, at))
}

// run is a Source at work.
type run struct {
	t      *testing.T
	src    *Source
	ticks  chan time.Time
	got    []source.Observed
	last   []byte // the checkpoint that came last
	refuse int    // Put fails once so many were taken; below 0 never
	cancel context.CancelFunc
	ended  chan error
}

func (r *run) Put(ctx context.Context, o source.Observed) error {
	if r.refuse == 0 {
		r.cancel()
		return ctx.Err()
	}
	r.refuse--
	o.Checkpoint = bytes.Clone(o.Checkpoint)
	r.last = o.Checkpoint
	if o.Kind == "" { // a place alone
		return nil
	}
	r.got = append(r.got, o)
	return nil
}

func (r *run) Offer(source.Observed) bool { panic("a log can wait: want Put") }

func (l *logDir) follow(checkpoint []byte, mend ...func(*Config)) *run {
	l.t.Helper()
	return l.followUntil(-1, checkpoint, mend...)
}

// followUntil is killed, as it were, after n observations.
func (l *logDir) followUntil(n int, checkpoint []byte, mend ...func(*Config)) *run {
	l.t.Helper()
	r := &run{t: l.t, ticks: make(chan time.Time), refuse: n, ended: make(chan error, 1)}
	cfg := Config{Format: "squid", Path: l.path, Ticks: r.ticks}
	cfg.Now = func() time.Time { return now }
	for _, m := range mend {
		m(&cfg)
	}
	var err error
	r.src, err = New(cfg)
	l.must(err)
	ctx, cancel := context.WithCancel(l.t.Context())
	r.cancel = cancel
	go func() { r.ended <- r.src.Run(ctx, checkpoint, r) }()
	l.t.Cleanup(cancel)
	return r
}

// look makes the source look n times, and returns when it has.
func (r *run) look(n int) *run {
	r.t.Helper()
	for range n + 1 { // a tick is taken only when the look before it is over
		select {
		case r.ticks <- now:
		case err := <-r.ended:
			r.ended <- err
			return r
		case <-time.After(20 * time.Second):
			r.t.Fatal("the source looks no more")
		}
	}
	return r
}

// stop ends the run and returns the last checkpoint.
func (r *run) stop() []byte {
	r.t.Helper()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Fatalf("Run: %v", err)
	}
	return r.last
}

func (r *run) hosts() []string {
	var names []string
	for _, o := range r.got {
		names = append(names, o.Name)
	}
	return names
}

func hosts(from, to int) []string {
	var names []string
	for n := from; n < to; n++ {
		names = append(names, fmt.Sprintf("host%d.example.org", n))
	}
	return names
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
}

func TestALineIsToldWhenItIsWhole(t *testing.T) {
	l := newLog(t)
	l.add(line(0) + line(1)[:40])
	r := l.follow(nil).look(2)
	l.add(line(1)[40:])
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(0, 2))
	o := r.got[1]
	if o.Via != "log" || o.Client != "192.0.2.7" || o.User != "pupil07" || !o.Time.Equal(now) || !o.Logged.Equal(now.Add(time.Millisecond)) {
		t.Errorf("told %+v", o.Observation)
	}
}

func TestAFileThatComesLater(t *testing.T) {
	l := newLog(t)
	r := l.follow(nil).look(1)
	if st := r.src.Status(); st.State != source.Starting || st.Detail == "" {
		t.Errorf("status %+v", st)
	}
	l.add(someLines(0, 3))
	r.look(1)
	if st := r.src.Status(); st.State != source.Running || st.Seen != 3 {
		t.Errorf("status %+v", st)
	}
	r.stop()
	same(t, r.hosts(), hosts(0, 3))
}

func TestRotationByRenaming(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 3))
	r := l.follow(nil).look(1)
	l.add(someLines(3, 5))
	l.rename()
	r.look(1) // renamed, and the next not there yet
	l.addTo(".1", someLines(5, 7))
	l.add("")
	r.look(3)                      // there, but the writer has not reopened
	l.addTo(".1", someLines(7, 9)) // and goes on in the old one
	r.look(1)
	l.add(someLines(9, 12))
	r.look(3)
	l.add(someLines(12, 13))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(0, 13))
}

func TestRotationCutsALastLineWithoutEnd(t *testing.T) {
	l := newLog(t)
	l.add(line(0) + strings.TrimSuffix(line(1), "\n"))
	r := l.follow(nil).look(1)
	l.rename()
	l.add(line(2))
	r.look(3)
	r.stop()
	same(t, r.hosts(), hosts(0, 3))
}

func TestCopytruncateWithUnreadLines(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 20))
	r := l.follow(nil).look(1)
	l.add(someLines(20, 25)) // never read from the file itself
	l.copytruncate()
	l.add(someLines(25, 27))
	r.look(5)
	l.add(someLines(27, 28))
	r.look(1)
	r.stop()
	same(t, r.hosts(), hosts(0, 28))
}

// The file is as long as it was, so its length alone shows nothing.
func TestTruncatedAndGrownPastItsOldEnd(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 3))
	r := l.follow(nil).look(1)
	l.copytruncate()
	l.add(someLines(3, 10))
	r.look(5)
	r.stop()
	same(t, r.hosts(), hosts(0, 10))
}

func TestTruncatedWithoutACopy(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 20))
	r := l.follow(nil).look(1)
	l.must(os.Truncate(l.path, 0))
	l.add(someLines(20, 22))
	r.look(2)
	r.stop()
	same(t, r.hosts(), hosts(0, 22))
}

// Whatever happens to the file, and wherever the agent is killed, each line is
// told exactly once over both runs.
func TestKilledAfterAnyLine(t *testing.T) {
	accidents := map[string]func(*logDir){
		"nothing":        func(*logDir) {},
		"grown":          func(l *logDir) { l.add(someLines(6, 8)) },
		"renamed":        func(l *logDir) { l.rename(); l.add(someLines(6, 8)) },
		"copytruncated":  func(l *logDir) { l.copytruncate(); l.add(someLines(6, 8)) },
		"truncated long": func(l *logDir) { l.copytruncate(); l.add(someLines(6, 20)) },
		"renamed twice": func(l *logDir) {
			l.rename()
			l.aged(".1", time.Minute)
			l.add(someLines(6, 8))
			l.rename()
			l.add(someLines(8, 10))
		},
		"renamed beside others": func(l *logDir) {
			for _, other := range []string{".2", ".1.gz", "-errors", ".bak"} {
				l.addTo(other, someLines(500, 503))
				l.aged(other, time.Hour)
			}
			l.must(os.Rename(l.path, l.path+".1"))
			l.add(someLines(6, 8))
		},
		"renamed with a date": func(l *logDir) {
			l.must(os.Rename(l.path, l.path+"-20261121"))
			l.add(someLines(6, 8))
		},
	}
	for name, accident := range accidents {
		t.Run(name, func(t *testing.T) {
			for killed := 1; killed <= 6; killed++ {
				l := newLog(t)
				l.add(someLines(0, 6))
				first := l.followUntil(killed, nil)
				first.look(1)
				checkpoint := first.stop()
				accident(l)
				second := l.follow(checkpoint).look(8)
				second.stop()
				got := append(first.hosts(), second.hosts()...)
				same(t, got, hosts(0, len(got)))
				if len(got) < 6 || (name != "nothing" && len(got) < 8) || (name == "renamed twice" && len(got) < 10) {
					t.Errorf("killed after %d: only %d told", killed, len(got))
				}
			}
		})
	}
}

// File systems give a deleted file's number to the next one.
func TestAnotherFileWithTheSameNumber(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 3))
	r := l.follow(nil).look(1)
	checkpoint := r.stop()
	p, err := decodeCheckpoint(checkpoint)
	l.must(err)
	l.must(os.Remove(l.path))
	l.add(someLines(100, 110))
	f, err := openTail(l.path)
	l.must(err)
	p.dev, p.inode = f.dev, f.inode // as if the number had been given again
	l.must(f.close())
	r = l.follow(p.encode()).look(1)
	r.stop()
	same(t, r.hosts(), hosts(100, 110))
}

func TestALineOfTenMegabytes(t *testing.T) {
	l := newLog(t)
	l.add(line(0))
	long := strings.Repeat("x", 1<<20)
	for range 10 {
		l.add(long)
	}
	l.add("\n" + line(1))
	r := l.follow(nil).look(1)
	if st := r.src.Status(); st.Dropped != 1 || st.Seen != 2 {
		t.Errorf("status %+v; want one line dropped", st)
	}
	checkpoint := r.got[0].Checkpoint
	r.stop()
	same(t, r.hosts(), hosts(0, 2))
	again := l.follow(checkpoint).look(1)
	again.stop()
	same(t, again.hosts(), hosts(1, 2))
}

func TestMemoryStaysBoundedOverALongLine(t *testing.T) {
	var l lines
	chunk := bytes.Repeat([]byte("x"), 32<<10)
	for range 1000 {
		_ = l.feed(chunk, nil)
	}
	if cap(l.buf) > 4*maxLine {
		t.Errorf("%d bytes are held of a line of 32 MB", cap(l.buf))
	}
	if l.tooLong != 1 || l.offset != 1000*32<<10 {
		t.Errorf("counted %d, at %d", l.tooLong, l.offset)
	}
}

func TestLinesThatAreNotUnderstoodAreCounted(t *testing.T) {
	l := newLog(t)
	l.add(line(0) + "what is this\n\n" + line(1) + "1 2 3\n")
	r := l.follow(nil).look(1)
	if st := r.src.Status(); !strings.Contains(st.Detail, "2 lines not understood") {
		t.Errorf("status %+v", st)
	}
	r.stop()
	same(t, r.hosts(), hosts(0, 2))
}

func TestWeeksOfOldLogAreNoNews(t *testing.T) {
	l := newLog(t)
	l.add(strings.Replace(line(0), fmt.Sprint(now.Unix()), fmt.Sprint(now.Add(-48*time.Hour).Unix()), 1) + line(1))
	r := l.follow(nil, func(c *Config) { c.ReadBack = 24 * time.Hour }).look(1)
	checkpoint := r.stop()
	same(t, r.hosts(), hosts(1, 2))
	// After a checkpoint every line counts, however long the agent was away.
	l.add(strings.Replace(line(2), fmt.Sprint(now.Unix()), fmt.Sprint(now.Add(-48*time.Hour).Unix()), 1))
	r = l.follow(checkpoint, func(c *Config) { c.ReadBack = 24 * time.Hour }).look(1)
	r.stop()
	same(t, r.hosts(), hosts(2, 3))
}

func TestADamagedCheckpointIsSaidSo(t *testing.T) {
	l := newLog(t)
	l.add(line(0))
	good := checkpoint{place: place{offset: 300, headLen: 256}}.encode()
	tooFar := checkpoint{place: place{offset: 3, headLen: 256}}.encode()
	for name, b := range map[string][]byte{
		"cut": good[:20], "of another version": append([]byte{9}, good[1:]...), "impossible": tooFar,
	} {
		src, err := New(Config{Format: "squid", Path: l.path})
		l.must(err)
		if err := src.Run(t.Context(), b, &run{}); !errors.Is(err, errCheckpoint) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnUnreadableFileIsTriedAgain(t *testing.T) {
	l := newLog(t)
	l.must(os.Mkdir(l.path, 0o700)) // a directory can be opened, but not read
	r := l.follow(nil).look(2)
	if st := r.src.Status(); st.State != source.Unavailable || strings.Contains(st.Detail, l.path) {
		t.Errorf("status %+v; want unavailable, without the path", st)
	}
	r.stop()
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	_, err := New(Config{Format: "squib", Path: "x"})
	if err == nil || !strings.Contains(err.Error(), `"squib"`) || !strings.Contains(err.Error(), "squid") {
		t.Errorf("got %v; want the formats there are", err)
	}
	if _, err := New(Config{Format: "squid"}); err == nil {
		t.Error("a source without a path")
	}
}
