package e2etest

import (
	"fmt"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/trialschool"
)

// mailWithin is how long after a kill in mid-SMTP the mail must be accepted.
const mailWithin = 75 * time.Second

// TestKillInMidSMTPMailStillArrives kills the collector twice: before the mail
// was handed over, and after the mail server kept it and before it could say so.
// The mail comes within 75 s, and the repeat that the second kill cannot but
// cause carries the same Message-ID.
func TestKillInMidSMTPMailStillArrives(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it waits for orphaned jobs to be put back")
	}
	for name, after := range map[string]bool{"before it was handed over": false, "after it was kept": true} {
		t.Run(name, func(t *testing.T) { killInMail(t, after) })
	}
}

func killInMail(t *testing.T, afterKept bool) {
	s := newSchool(t)
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	var kills atomic.Int32
	struck, mails := make(chan struct{}), make(chan mailbox.Message, 10)
	dead := make(chan struct{})
	strike := func() { // the first time, wait until the collector is dead
		if kills.Add(1) == 1 {
			close(struck)
			<-dead
		}
	}
	conf := mailbox.Config{Dir: filepath.Join(s.Dir, "mailbox"), Now: time.Now, Log: logging.Discard()}
	conf.Announce = func(m mailbox.Message) {
		mails <- m
		if afterKept {
			strike()
		}
	}
	if !afterKept {
		conf.Refuse = func(string) error { strike(); return nil }
	}
	box := must[*mailbox.Server](t)(mailbox.Serve(l, conf))
	t.Cleanup(func() { _ = box.Close(t.Context()) })
	s.Mail = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, user: '', from: safelight@trial-school.example}", l.Addr().(*net.TCPAddr).Port)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	appendLine(t, log, "n1.flagged.example", "demo.pupil")
	select {
	case <-struck:
	case <-time.After(trialschool.Patience):
		t.Fatal("no mail was tried")
	}
	collector.Kill()
	close(dead)
	killed := time.Now()
	collector = must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	want := 1
	if afterKept {
		want = 2
	}
	ids := map[string]int{}
	for n := range want {
		select {
		case m := <-mails:
			ids[keptID(t, m.Path)]++
		case <-time.After(mailWithin - time.Since(killed)):
			t.Fatalf("%d mails within %s of the kill, want %d", n, mailWithin, want)
		}
	}
	t.Logf("accepted %s after the kill", time.Since(killed).Round(time.Millisecond))
	check(t, trialschool.Until(t.Context(), "the notification to be noted as accepted", func() (bool, string) {
		out, err := s.Verb(t.Context(), "alerts", "--as", trialschool.DSLName, "--json")
		return err == nil && strings.Contains(string(out), `"accepted":"`), fmt.Sprintf("%s %v", out, err)
	}))
	check(t, agent.Stop())
	check(t, collector.Stop())
	for len(mails) > 0 {
		m := <-mails
		ids[keptID(t, m.Path)]++
	}
	for id, n := range ids {
		if n != want || len(ids) != 1 || id == "" {
			t.Errorf("mails %v, want %d with one Message-ID", ids, want)
		}
	}
}

func keptID(t *testing.T, path string) string {
	t.Helper()
	f := must[*os.File](t)(os.Open(path))
	defer f.Close()
	return must[*mail.Message](t)(mail.ReadMessage(f)).Header.Get("Message-Id")
}
