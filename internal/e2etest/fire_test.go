package e2etest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	clocks           struct{ agent, collector wallClock }
	second           *machine        // from when the spool was copied
	noRoom           []window        // when the device's disk had no room, and until what that kept waiting has been tried again
	lost             map[string]bool // events that were stored and that the older database lacks, by id
}

// TestKillUnderFireEveryEventArrivesOnce follows a log of 10,000 lines while
// agent and collector die by SIGKILL twenty times each, the network between them
// drops, delays, stalls and resets in mid-frame, both disks fill and are freed,
// both clocks jump forward and back, the agent's folder is copied to a second
// machine that goes on by itself, and the database is put back from an older copy.
// SAFELIGHT_SEED replays what is drawn; how the machine schedules it is its own.
func TestKillUnderFireEveryEventArrivesOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("long: real processes are killed forty times")
	}
	seed := seed(t)
	t.Logf("seed %d (SAFELIGHT_SEED=%d replays it)", seed, seed)
	f := startFire(t, seed)
	defer f.lastWords()
	w := make(chan error, 1)
	go func() { w <- f.writeLog(t.Context(), rand.New(rand.NewPCG(seed, 1))) }()
	backup := filepath.Join(f.s.Dir, "backup")
	for round := range fireKills {
		f.kill()
		f.jump(round)
		switch round {
		case 4, 13:
			f.full(filepath.Join(f.s.AgentDir(), "spool"))
		case 7, 15:
			f.full(f.s.CollectorDir())
		case 5:
			check(t, f.collector.Stop())
			copyStore(t, f.s.CollectorDir(), backup)
			f.startCollector()
		case 11:
			f.copyMachine(rand.New(rand.NewPCG(seed, 3)))
		case 14, 18:
			f.second.kill(f)
		case 10:
			check(t, f.collector.Stop())
			f.lost = storedIDs(t, f.s.CollectorDir())
			copyStore(t, backup, f.s.CollectorDir())
			kept := storedIDs(t, backup)
			maps.DeleteFunc(f.lost, func(id string, _ bool) bool { return kept[id] })
			f.startCollector()
		}
	}
	check(t, <-w)
	check(t, <-f.second.written)
	f.net.heal()
	check(t, f.s.UntilReady(t.Context(), f.s.AgentDir()))
	f.second.untilItsOwn(f)
	all := f.untilDelivered()
	f.holds(all)
	f.net.mu.Lock()
	t.Logf("the network's doings: %v", f.net.count)
	f.net.mu.Unlock()
	check(t, f.agent.Stop())
	check(t, f.second.agent.Stop())
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
	f.s = must[*trialschool.School](t)(trialschool.New(t.Context(), dir, must[string](t)(skewedBin())))
	f.clocks.agent.dir, f.clocks.collector.dir = f.s.AgentDir(), f.s.CollectorDir()
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

// lastWords shows what the programs said last, where the test has failed.
func (f *fire) lastWords() {
	programs := map[string]*trialschool.Program{"agent": f.agent, "collector": f.collector}
	if f.second != nil {
		programs["second agent"] = f.second.agent
	}
	for name, p := range programs {
		if log := p.Log(); f.t.Failed() {
			f.t.Logf("the %s's last words:\n%s", name, strings.Join(log[max(0, len(log)-15):], "\n"))
		}
	}
}

// jump sets a clock. The agent's is wrong by up to years, as after an empty
// battery or a hand that set it. The collector's is wrong by days at most, and for
// one round so far back that no device's certificate is valid yet.
func (f *fire) jump(round int) {
	f.t.Helper()
	const hour, day, year = time.Hour, 24 * time.Hour, 365 * 24 * time.Hour
	agent := map[int][2]time.Duration{2: {hour, 20 * hour}, 5: {-9 * year, -5 * year}, 8: {3 * year, 9 * year}, 15: {-30 * day, -3 * day}, 18: {30 * day, 60 * day}}
	collector := map[int][2]time.Duration{3: {hour, 6 * hour}, 6: {-50 * time.Minute, -10 * time.Minute}, 10: {day, 3 * day}, 13: {-3 * day, -day}, 14: {7 * hour, 20 * hour}, 19: {0, time.Minute}}
	if span, ok := agent[round]; ok {
		f.clocks.agent.set(f.t, between(f.rand, span[0], span[1]))
	}
	if span, ok := collector[round]; ok {
		f.clocks.collector.set(f.t, between(f.rand, span[0], span[1]))
	}
}

// full fills a disk for a while.
func (f *fire) full(dir string) {
	if !f.disks {
		return
	}
	from := time.Now()
	free := fillDisk(f.t, dir)
	<-time.After(1500 * time.Millisecond)
	free()
	if dir != f.s.CollectorDir() {
		f.noRoom = append(f.noRoom, window{from, time.Now().Add(2 * time.Second)})
	}
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
	Device   string
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
	want := len(f.wanted())
	deadline := time.Now().Add(2 * time.Minute)
	const settled = 10 * time.Second // nothing more comes: the rest is told as gaps, or lost
	last, since := 0, time.Now()
	for {
		st, err := f.s.Status(f.t.Context(), f.s.AgentDir())
		check(f.t, err)
		out, err := f.s.Verb(f.t.Context(), "events", "--as", trialschool.DSLName, "--json")
		check(f.t, err)
		all := must[[]seen](f.t)(trialschool.Lines[seen](out))
		second, err := f.s.Status(f.t.Context(), f.second.dir)
		check(f.t, err)
		if len(all) != last {
			last, since = len(all), time.Now()
		}
		waiting := st.Waiting() + second.Waiting()
		if waiting == 0 && (len(all) >= want || time.Since(since) > settled) || time.Now().After(deadline) {
			f.t.Logf("%d stored, %d waiting", len(all), waiting)
			return all
		}
		<-time.After(500 * time.Millisecond)
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
