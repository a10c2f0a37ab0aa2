package e2etest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// What the test under fire does.
const (
	fireLines = 10_000
	fireKills = 20
	// onTheWay is how many records of a lower lane may come between an urgent
	// event's being seen and its being stored: what the agent had sent already
	// (four batches of 256), and as much again from a try that broke.
	onTheWay = 2 * 4 * 256
)

// fire is the test under way.
type fire struct {
	t                *testing.T
	s                *trialschool.School
	net              *proxy
	rand             *rand.Rand
	agent, collector *trialschool.Program
	disks            bool
}

// TestKillUnderFireEveryEventArrivesOnce follows a log of 10,000 lines while
// agent and collector die by SIGKILL twenty times each, the network between them
// drops, delays, stalls and resets in mid-frame, both disks fill and are freed,
// and the database is put back from an older copy. Clocks that jump are tested
// where time enters: agent/spool, collector/ingest. SAFELIGHT_SEED replays what
// is drawn; how the machine schedules it is its own.
func TestKillUnderFireEveryEventArrivesOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("long: real processes are killed forty times")
	}
	seed := seed(t)
	t.Logf("seed %d (SAFELIGHT_SEED=%d replays it)", seed, seed)
	f := startFire(t, seed)
	w := make(chan error, 1)
	go func() { w <- f.writeLog(t.Context(), rand.New(rand.NewPCG(seed, 1))) }()
	backup := filepath.Join(f.s.Dir, "backup")
	for round := range fireKills {
		f.kill()
		switch round {
		case 4, 12:
			f.full(filepath.Join(f.s.AgentDir(), "spool"))
		case 7, 15:
			f.full(f.s.CollectorDir())
		case 9:
			check(t, f.collector.Stop())
			copyStore(t, f.s.CollectorDir(), backup)
			f.startCollector()
		case 17:
			check(t, f.collector.Stop())
			copyStore(t, backup, f.s.CollectorDir())
			f.startCollector()
		}
	}
	check(t, <-w)
	f.net.heal()
	check(t, f.s.UntilReady(t.Context(), f.s.AgentDir()))
	all := f.untilDelivered()
	f.holds(all)
	f.net.mu.Lock()
	t.Logf("the network's doings: %v", f.net.count)
	f.net.mu.Unlock()
	check(t, f.agent.Stop())
	check(t, f.collector.Stop())
	if !f.disks {
		t.Run("disks that fill", func(t *testing.T) { t.Skip("a small disk of its own needs root and mount") })
	}
}

func startFire(t *testing.T, seed uint64) *fire {
	t.Helper()
	dir := must[string](t)(os.MkdirTemp("", "sl-")) //nolint:usetesting // t.TempDir's paths are too long for sockets
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := &fire{t: t, rand: rand.New(rand.NewPCG(seed, 2))}
	f.disks = smallDisk(t, filepath.Join(dir, "collector"), "128m") && smallDisk(t, filepath.Join(dir, "agent", "spool"), "8m")
	f.s = must[*trialschool.School](t)(trialschool.New(t.Context(), dir, bin))
	f.net = startProxy(t, f.s.AgentsAddr, seed)
	f.s.Through = f.net.addr()
	log := filepath.Join(dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	ctx := t.Context()
	f.startCollector()
	must[string](t)(f.s.AddDSL(ctx))
	check(t, f.s.ImportPupil(ctx, "demo.pupil"))
	pack := writeRules(t, dir, "low.example", "low")
	addCategory(t, pack, "pressing", "urgent.example", "urgent")
	check(t, f.s.Publish(ctx, pack))
	conf := fmt.Sprintf("weblog: [{format: squid, path: %q}]\n", log)
	for try := 0; ; try++ { // enrolling meets the bad network too
		if err := f.s.Enrol(ctx, f.s.AgentDir(), conf); err == nil {
			break
		} else if try == 10 {
			t.Fatal(err)
		}
	}
	f.agent = must[*trialschool.Program](t)(f.s.StartAgent(ctx, f.s.AgentDir()))
	check(t, f.s.UntilReady(ctx, f.s.AgentDir()))
	return f
}

func (f *fire) startCollector() {
	f.t.Helper()
	f.collector = must[*trialschool.Program](f.t)(f.s.StartCollector(f.t.Context()))
}

// kill lets both work for a moment drawn at random and kills them, one after
// the other.
func (f *fire) kill() {
	f.t.Helper()
	f.collector = killAndRestart(f.t, f.collector, f.rand, func() (*trialschool.Program, error) { return f.s.StartCollector(f.t.Context()) })
	<-time.After(time.Duration(f.rand.Int64N(int64(time.Second)))) // time for something to get through
	f.agent = killAndRestart(f.t, f.agent, f.rand, func() (*trialschool.Program, error) { return f.s.StartAgent(f.t.Context(), f.s.AgentDir()) })
}

// full fills a disk for a while.
func (f *fire) full(dir string) {
	if !f.disks {
		return
	}
	free := fillDisk(f.t, dir)
	<-time.After(1500 * time.Millisecond)
	free()
}

func fireName(i int) string {
	switch {
	case i%4 == 0:
		return fmt.Sprintf("n%05d.plain.example", i)
	case i%8 == 1:
		return fmt.Sprintf("n%05d.urgent.example", i)
	default:
		return fmt.Sprintf("n%05d.low.example", i)
	}
}

func (f *fire) writeLog(ctx context.Context, r *rand.Rand) error {
	log, err := os.OpenFile(filepath.Join(f.s.Dir, "access.log"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for i := range fireLines {
		_, err := fmt.Fprintf(log, "%d.000     12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT %s:443 demo.pupil HIER_DIRECT/203.0.113.9 -\n", time.Now().Unix(), fireName(i))
		if err != nil {
			return err
		}
		if i%10 != 0 {
			continue
		}
		select {
		case <-time.After(time.Duration(r.Int64N(int64(80 * time.Millisecond)))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return log.Close()
}

// seen is what of `events --json` is looked at here.
type seen struct {
	stored
	ID       string
	Received time.Time
}

// spooled is when the event was made and spooled: its id begins with the
// milliseconds.
func (e seen) spooled() (time.Time, error) {
	hex := strings.ReplaceAll(e.ID, "-", "")
	ms, err := strconv.ParseInt(hex[:min(12, len(hex))], 16, 64)
	return time.UnixMilli(ms), err
}

func (f *fire) untilDelivered() []seen {
	f.t.Helper()
	want := 0
	for i := range fireLines {
		if i%4 != 0 {
			want++
		}
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		st, err := f.s.Status(f.t.Context(), f.s.AgentDir())
		check(f.t, err)
		out, err := f.s.Verb(f.t.Context(), "events", "--as", trialschool.DSLName, "--json")
		check(f.t, err)
		all := must[[]seen](f.t)(trialschool.Lines[seen](out))
		if st.Waiting() == 0 && len(all) >= want || time.Now().After(deadline) {
			f.t.Logf("%d stored, %d waiting", len(all), st.Waiting())
			return all
		}
		<-time.After(500 * time.Millisecond)
	}
}

// holds checks what was promised.
func (f *fire) holds(all []seen) {
	t := f.t
	t.Helper()
	gaps := f.gaps()
	var names, want []string
	bySeq := map[string][]span{}
	for place, list := range gaps {
		bySeq[place] = append(bySeq[place], list...)
	}
	for _, e := range all {
		names = append(names, e.Name)
		place := e.Epoch + " " + e.Lane
		bySeq[place] = append(bySeq[place], span{e.Seq, e.Seq})
	}
	for i := range fireLines {
		if i%4 != 0 {
			want = append(want, fireName(i))
		}
	}
	missing, extra := diff(want, names)
	told := uint64(0)
	for _, list := range gaps {
		for _, g := range list {
			told += g.to - g.from + 1
		}
	}
	if len(extra) > 0 {
		t.Errorf("%d repeated or made up: %v", len(extra), extra[:min(10, len(extra))])
	}
	if uint64(len(missing)) > told {
		t.Errorf("%d missing and only %d told as gaps: %v", len(missing), told, missing[:min(10, len(missing))])
	}
	t.Logf("%d events, %d missing, %d told as gaps", len(names), len(missing), told)
	for place, list := range bySeq {
		f.whole(place, list)
	}
	f.urgentFirst(all)
}

type span struct{ from, to uint64 }

// whole checks that every number from 1 is stored or told as a gap.
func (f *fire) whole(place string, list []span) {
	f.t.Helper()
	slices.SortFunc(list, func(a, b span) int { return int(int64(a.from) - int64(b.from)) })
	next := uint64(1)
	for _, s := range list {
		if s.from > next {
			f.t.Errorf("%s: %d to %d are neither stored nor told", place, next, s.from-1)
		}
		next = max(next, s.to+1)
	}
}

// gaps reads what the collector was told is lost, by place.
func (f *fire) gaps() map[string][]span {
	f.t.Helper()
	db := must[*sql.DB](f.t)(sql.Open("sqlite", "file:"+filepath.Join(f.s.CollectorDir(), "safelight.db")+"?mode=ro"))
	defer db.Close()
	rows := must[*sql.Rows](f.t)(db.Query(`SELECT lower(hex(spool_epoch)), lane, from_seq, to_seq, reason FROM gaps`)) //nolint:rowserrcheck // check does, below
	defer rows.Close()
	out := map[string][]span{}
	for rows.Next() {
		var epoch, reason string
		var lane int
		var s span
		check(f.t, rows.Scan(&epoch, &lane, &s.from, &s.to, &reason))
		f.t.Logf("gap: lane %d, %d to %d, %s", lane, s.from, s.to, reason)
		out[epoch+" "+[]string{"", "low", "medium", "high", "urgent"}[lane]] = append(out[epoch+" "+[]string{"", "low", "medium", "high", "urgent"}[lane]], s)
	}
	check(f.t, rows.Err())
	return out
}

// urgentFirst checks that no urgent event came behind a queue of low ones.
func (f *fire) urgentFirst(all []seen) {
	f.t.Helper()
	var low []time.Time
	for _, e := range all {
		if e.Lane == "low" {
			low = append(low, e.Received)
		}
	}
	slices.SortFunc(low, time.Time.Compare)
	worst, who := 0, ""
	for _, e := range all {
		if e.Lane != "urgent" {
			continue
		}
		from, _ := slices.BinarySearchFunc(low, must[time.Time](f.t)(e.spooled()), time.Time.Compare)
		to, _ := slices.BinarySearchFunc(low, e.Received, time.Time.Compare)
		if to-from > worst {
			worst, who = to-from, e.Name
		}
	}
	f.t.Logf("at most %d low events were stored while an urgent one waited (%s)", worst, who)
	if worst > onTheWay {
		f.t.Errorf("%d low events were stored while %s waited, want at most the %d on their way", worst, who, onTheWay)
	}
}

// addCategory adds one more list to a pack that writeRules made.
func addCategory(t *testing.T, pack, id, site, severity string) {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(filepath.Join(pack, "numbered.yaml"))))
	text = strings.NewReplacer("category: numbered", "category: "+id, "low.example", site, "severity: low", "severity: "+severity,
		"Numbered sites", "Pressing sites", "numbered sites", "pressing sites", "risk: high", "risk: life").Replace(text)
	check(t, os.WriteFile(filepath.Join(pack, id+".yaml"), []byte(text), 0o600))
}
