package e2etest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/pgtest"
	"safelight/internal/trialschool"
)

// pair is two collectors on one PostgreSQL database, with agents on both.
type pair struct {
	one, two     *trialschool.School
	first        *trialschool.Program
	second       *trialschool.Program
	agents, logs []string
	mails        chan mailbox.Message
	told         map[string]int // how often each Message-ID came
}

func account(i int) string { return fmt.Sprintf("demo.pupil.%d", i) }

func newPair(t *testing.T, agents int) *pair {
	t.Helper()
	ctx := t.Context()
	server, err := pgtest.Start(ctx)
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(func() { check(t, server.Stop()) })
	p := &pair{one: newSchool(t), mails: make(chan mailbox.Message, 64), told: map[string]int{}}
	p.one.Postgres = must[string](t)(server.Create(ctx, "school", ""))
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	box := must[*mailbox.Server](t)(mailbox.Serve(l, mailbox.Config{
		Dir: filepath.Join(p.one.Dir, "mailbox"), Announce: func(m mailbox.Message) { p.mails <- m }, Now: time.Now, Log: logging.Discard(),
	}))
	t.Cleanup(func() { check(t, box.Close(context.Background())) })
	p.one.Mail = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, user: '', from: safelight@trial-school.example}", l.Addr().(*net.TCPAddr).Port)
	p.two = must[*trialschool.School](t)(p.one.Beside())
	p.first = must[*trialschool.Program](t)(p.one.StartCollector(ctx))
	p.second = must[*trialschool.Program](t)(p.two.StartCollector(ctx))
	must[string](t)(p.one.AddDSL(ctx))
	roster := "account,name,role,year\n"
	for i := range agents {
		roster += account(i) + ",Demo Pupil,pupil,9\n"
	}
	file := filepath.Join(p.one.Dir, "pupils.csv")
	check(t, os.WriteFile(file, []byte(roster), 0o600))
	must[[]byte](t)(p.two.Verb(ctx, "roster", "import", file))
	check(t, p.one.Publish(ctx, writeRules(t, p.one.Dir, "flagged.example", "high")))
	for i := range agents {
		p.startAgent(t, i)
	}
	return p
}

// startAgent enrols an agent with one collector or the other, which is then the
// one it prefers.
func (p *pair) startAgent(t *testing.T, i int) {
	t.Helper()
	dir, log := filepath.Join(p.one.Dir, fmt.Sprint("agent-", i)), filepath.Join(p.one.Dir, fmt.Sprintf("access-%d.log", i))
	check(t, os.WriteFile(log, nil, 0o600))
	home := []*trialschool.School{p.one, p.two}[i%2]
	check(t, home.Enrol(t.Context(), dir, fmt.Sprintf("weblog: [{format: squid, path: %q}]\n", log)))
	agent := must[*trialschool.Program](t)(home.StartAgent(t.Context(), dir))
	t.Cleanup(func() { check(t, agent.Stop()) })
	check(t, home.UntilReady(t.Context(), dir))
	p.agents, p.logs = append(p.agents, dir), append(p.logs, log)
}

// write has every agent see so many flagged sites more.
func (p *pair) write(t *testing.T, from, to int) (names []string) {
	t.Helper()
	for i, log := range p.logs {
		var lines strings.Builder
		for n := from; n < to; n++ {
			name := fmt.Sprintf("n%d-%d.flagged.example", i, n)
			names = append(names, name)
			fmt.Fprintf(&lines, "%d.000 12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT %s:443 %s HIER_DIRECT/203.0.113.9 -\n", time.Now().Unix(), name, account(i))
		}
		f := must[*os.File](t)(os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600))
		_, err := f.WriteString(lines.String())
		check(t, errors.Join(err, f.Close()))
	}
	return names
}

// until waits until every agent's status says so.
func (p *pair) until(t *testing.T, what string, ok func(i int, st trialschool.AgentStatus) bool) {
	t.Helper()
	for i, dir := range p.agents {
		check(t, trialschool.Until(t.Context(), what, func() (bool, string) {
			st, err := p.two.Status(t.Context(), dir)
			return err == nil && ok(i, st), fmt.Sprintf("agent %d: %+v %v", i, st, err)
		}))
	}
}

// mail waits until so many tellings have come in all.
func (p *pair) mail(t *testing.T, tellings int) {
	t.Helper()
	for len(p.told) < tellings {
		select {
		case m := <-p.mails:
			p.count(t, m)
		case <-time.After(trialschool.Patience):
			t.Fatalf("%d tellings, want %d", len(p.told), tellings)
		}
	}
}

var messageID = regexp.MustCompile(`(?mi)^Message-ID:\s*(\S+)`)

func (p *pair) count(t *testing.T, m mailbox.Message) {
	t.Helper()
	id := messageID.FindSubmatch(must[[]byte](t)(os.ReadFile(m.Path)))
	if id == nil {
		t.Fatalf("a mail without a Message-ID: %s", m.Path)
	}
	p.told[string(id[1])]++
}

// toldOnce checks that each telling came once. One may have come again: the one
// that a SIGKILL caught between a mail's acceptance and the note of it.
func (p *pair) toldOnce(t *testing.T, tellings int) {
	t.Helper()
	for len(p.mails) > 0 {
		p.count(t, <-p.mails)
	}
	repeats := 0
	for _, n := range p.told {
		repeats += n - 1
	}
	if len(p.told) != tellings || repeats > 1 {
		t.Errorf("%d tellings and %d repeats, want %d and at most the one that a kill may cause", len(p.told), repeats, tellings)
	}
}

func TestTwoCollectorsOnOneDatabaseLoseAndRepeatNothingWhenOneDies(t *testing.T) {
	const agents, before, after = 4, 50, 300
	p := newPair(t, agents)
	ctx := t.Context()
	want := p.write(t, 0, before)
	p.mail(t, agents) // an alert each

	// What one collector is told every agent hears, those of the other too.
	began := time.Now()
	check(t, p.two.Publish(ctx, writeRules(t, p.one.Dir, "flagged.example", "urgent")))
	published := time.Now()
	p.until(t, "the new policy", func(_ int, st trialschool.AgentStatus) bool { return st.Policy != nil && st.Policy.Serial == 2 })
	t.Logf("published in %s, in force on all %d devices %s later at the most",
		published.Sub(began).Round(time.Millisecond), agents, time.Since(published).Round(time.Millisecond))
	// 50 ms of asking and some processes of it: the promise is a second.
	if late := time.Since(published); late > 3*time.Second {
		t.Errorf("the policy took %s", late)
	}

	want = append(want, p.write(t, before, before+after)...)
	p.first.Kill() // with half of the agents on it, in the midst of delivering
	<-p.one.Ended
	p.until(t, "every agent to deliver through the other collector", func(_ int, st trialschool.AgentStatus) bool { return st.Connected && st.Waiting() == 0 })
	p.holds(t, want)
	p.mail(t, 2*agents) // the severity grew: each alert is told once more

	// The one that died comes back beside the other, as in a rolling restart.
	p.first = must[*trialschool.Program](t)(p.one.StartCollector(ctx))
	p.holds(t, want)
	check(t, p.second.Stop())
	p.until(t, "every agent to come over", func(_ int, st trialschool.AgentStatus) bool { return st.Connected })
	want = append(want, p.write(t, before+after, before+after+10)...)
	check(t, trialschool.Until(ctx, "the last events", func() (bool, string) {
		all, err := events(ctx, p.one)
		return len(all) >= len(want), fmt.Sprint(len(all), err)
	}))
	p.two = p.one
	p.holds(t, want)
	p.toldOnce(t, 2*agents)
	check(t, p.first.Stop())
}

// holds checks that exactly these events are stored, each once.
func (p *pair) holds(t *testing.T, want []string) {
	t.Helper()
	var got []string
	for _, e := range must[[]stored](t)(events(t.Context(), p.two)) {
		got = append(got, e.Name)
	}
	if missing, extra := diff(want, got); len(missing)+len(extra) > 0 {
		t.Errorf("%d events, want %d; missing %v; extra or repeated %v", len(got), len(want), missing, extra)
	}
}

func TestRevocationReachesStreamsOnTheOtherCollector(t *testing.T) {
	p := newPair(t, 1) // on the first collector
	type device struct {
		ID string `json:"id"`
	}
	all := must[[]device](t)(trialschool.Lines[device](must[[]byte](t)(p.two.Verb(t.Context(), "device", "list", "--json"))))
	if len(all) != 1 {
		t.Fatalf("devices = %v", all)
	}
	must[[]byte](t)(p.two.Verb(t.Context(), "device", "revoke", all[0].ID))
	began := time.Now()
	p.until(t, "the agent to be refused", func(_ int, st trialschool.AgentStatus) bool { return !st.Connected && st.Delivery == "refused" })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("revocation reached the other collector's stream after %s, want 5 s", took)
	}
	for _, c := range slices.Backward([]*trialschool.Program{p.first, p.second}) {
		check(t, c.Stop())
	}
}
