package e2etest

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads the collector's store from outside

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/trialschool"
)

func appendLine(t *testing.T, log, host, account string) {
	t.Helper()
	f := must[*os.File](t)(os.OpenFile(log, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600))
	_, err := fmt.Fprintf(f, "%d.000 12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT %s:443 %s HIER_DIRECT/203.0.113.9 -\n", time.Now().Unix(), host, account)
	check(t, errors.Join(err, f.Close()))
}

func untilStored(t *testing.T, s *trialschool.School, name string) {
	t.Helper()
	check(t, trialschool.Until(t.Context(), "the event to be stored", func() (bool, string) {
		all, err := events(t.Context(), s)
		if err != nil {
			return false, err.Error()
		}
		for _, e := range all {
			if e.Name == name {
				return true, ""
			}
		}
		return false, fmt.Sprint(all)
	}))
}

func TestANewPolicyIsJudgedByWithoutARestart(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	appendLine(t, log, "n1.flagged.example", "demo.pupil")
	appendLine(t, log, "n1.later.example", "demo.pupil") // no rule yet
	untilStored(t, s, "n1.flagged.example")

	began := time.Now()
	check(t, s.Publish(t.Context(), writeRules(t, s.Dir, "later.example", "high")))
	published := time.Since(began)
	check(t, trialschool.Until(t.Context(), "the new policy", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && st.Policy != nil && st.Policy.Serial == 2, fmt.Sprintf("%+v %v", st, err)
	}))
	t.Logf("published in %s, in force on the device %s later at the most", published.Round(time.Millisecond), (time.Since(began) - published).Round(time.Millisecond))
	appendLine(t, log, "n2.later.example", "demo.pupil")
	appendLine(t, log, "n2.flagged.example", "demo.pupil") // its rule is gone
	untilStored(t, s, "n2.later.example")
	for _, e := range must[[]stored](t)(events(t.Context(), s)) {
		if e.Name == "n1.later.example" || e.Name == "n2.flagged.example" {
			t.Errorf("%s was flagged by rules that were not in force", e.Name)
		}
	}
	for name, p := range map[string]*trialschool.Program{"agent": agent, "collector": collector} {
		asked := time.Now()
		if err := p.Stop(); err != nil {
			t.Errorf("stopping the %s: %v", name, err)
		}
		t.Logf("the %s stopped in %s", name, time.Since(asked).Round(time.Millisecond))
	}
}

func TestARevokedDeviceIsRefusedAndItsOpenStreamsEnd(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	var device struct {
		ID string `json:"id"`
	}
	check(t, s.Ask(t.Context(), &device, "device", "list"))
	must[[]byte](t)(s.Verb(t.Context(), "device", "revoke", device.ID))
	check(t, trialschool.Until(t.Context(), "the agent to be refused", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && !st.Connected && st.Delivery == "refused", fmt.Sprintf("%+v %v", st, err)
	}))
	appendLine(t, log, "n1.flagged.example", "demo.pupil")
	check(t, trialschool.Until(t.Context(), "the event to wait on the device", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && st.Waiting() == 1, fmt.Sprintf("%+v %v", st, err)
	}))
	if all := must[[]stored](t)(events(t.Context(), s)); len(all) != 0 {
		t.Errorf("a revoked device delivered %v", all)
	}
	check(t, agent.Stop())
	check(t, collector.Stop())
}

// A canary in each place where a person could show: host, account, name.
const (
	canaryHost    = "canaryhost.flagged.example"
	canaryAccount = "canaryaccount"
	canaryName    = "Canaryname Demo"
)

func TestG11NoNameHostOrWordReachesALogAMailOrAJob(t *testing.T) {
	s := newSchool(t)
	s.LogLevel = "debug"
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	mails := make(chan mailbox.Message, 1)
	box := must[*mailbox.Server](t)(mailbox.Serve(l, mailbox.Config{
		Dir: filepath.Join(s.Dir, "mailbox"), Announce: func(m mailbox.Message) { mails <- m }, Now: time.Now, Log: logging.Discard(),
	}))
	t.Cleanup(func() { _ = box.Close(t.Context()) })
	s.Mail = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, user: '', from: safelight@trial-school.example}", l.Addr().(*net.TCPAddr).Port)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	roster := filepath.Join(s.Dir, "more.csv")
	check(t, os.WriteFile(roster, []byte("account,name,role,year\n"+canaryAccount+","+canaryName+",pupil,9\ndemo.pupil,Demo Pupil,pupil,9\n"), 0o600))
	must[[]byte](t)(s.Verb(t.Context(), "roster", "import", roster))
	appendLine(t, log, canaryHost, canaryAccount)
	var mail mailbox.Message
	select {
	case mail = <-mails:
	case <-time.After(trialschool.Patience):
		t.Fatal("no mail")
	}
	check(t, agent.Stop())
	check(t, collector.Stop())
	absent(t, "the agent's log", strings.Join(agent.Log(), "\n"))
	absent(t, "the collector's log", strings.Join(collector.Log(), "\n"))
	absent(t, "the mail", string(must[[]byte](t)(os.ReadFile(mail.Path))))
	absent(t, "the job queue", jobs(t, s))
	if len(agent.Log()) == 0 || len(collector.Log()) == 0 {
		t.Error("a program logged nothing at all: this test proves nothing")
	}
}

func absent(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(strings.ToLower(text), "canary") {
		t.Errorf("%s holds a canary:\n%s", where, text)
	}
}

// jobs reads every job row as text.
func jobs(t *testing.T, s *trialschool.School) string {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", "file:"+filepath.Join(s.CollectorDir(), "safelight.db")+"?mode=ro"))
	defer db.Close()
	rows := must[*sql.Rows](t)(db.QueryContext(t.Context(), `SELECT CAST(args AS TEXT) || ' ' || kind || ' ' || COALESCE(CAST(errors AS TEXT), '') FROM river_job`)) //nolint:rowserrcheck // looked at below
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		check(t, rows.Scan(&one))
		all = append(all, one)
	}
	check(t, rows.Err())
	if len(all) == 0 {
		t.Error("no job was ever made: this test proves nothing")
	}
	return strings.Join(all, "\n")
}

func TestG03WithoutAsNothingIsShown(t *testing.T) {
	s := newSchool(t)
	for _, verb := range []string{"events", "alerts"} {
		out, err := exec.CommandContext(t.Context(), s.Collector, verb, "--json", "--dir", s.CollectorDir()).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "--as") {
			t.Errorf("%s without --as: %v, printed %q; want status 2 and the mend", verb, err, out)
		}
	}
}
