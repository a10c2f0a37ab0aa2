package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"safelight/collector/model"
	"safelight/internal/mailbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("larkmoor-school")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// office is a mail server and how to reach it.
type office struct {
	cfg  Config
	mail chan mailbox.Message
	log  *bytes.Buffer
	now  time.Time
}

// newOffice starts a mail server with STARTTLS and a password.
func newOffice(t *testing.T, refuse func(string) error) *office {
	t.Helper()
	return newOfficeOn(t, refuse, StartTLS)
}

func newOfficeOn(t *testing.T, refuse func(string) error, way string) *office {
	t.Helper()
	dir := t.TempDir()
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	cert := https.Certificate()
	serverTLS := &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}
	https.Close()
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
	password := filepath.Join(dir, "password")
	write(t, password, "secret\n")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if way == ImplicitTLS {
		listener = tls.NewListener(listener, serverTLS)
	}
	o := &office{mail: make(chan mailbox.Message, 10), log: &bytes.Buffer{}, now: noon}
	server, err := mailbox.Serve(listener, mailbox.Config{
		Dir: filepath.Join(dir, "mail"), TLS: serverTLS, User: "collector", Password: "secret", Refuse: refuse,
		Announce: func(m mailbox.Message) { o.mail <- m }, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	n, _ := strconv.Atoi(port)
	o.cfg = Config{Host: "127.0.0.1", Port: n, TLS: way, User: "collector", PasswordFile: password, From: "safelight@mail.example", CAFile: ca}
	return o
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (o *office) mailer(t *testing.T, d *desk) *Mailer {
	t.Helper()
	m, err := NewMailer(o.cfg, "https://safelight.mail.example/", d, func() time.Time { return o.now }, slog.New(slog.NewTextHandler(o.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// read takes a message apart.
func read(t *testing.T, path string) (raw string, head mail.Header, text, html string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the message is %s (%v)", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return string(body), msg.Header, text, html
		}
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			r = quotedprintable.NewReader(part)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			text = string(content)
		} else {
			html = string(content)
		}
	}
}

func TestTheMailSaysItsSentenceAndNothingElse(t *testing.T) {
	o, d := newOffice(t, nil), newDesk()
	if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	m := <-o.mail
	_, head, text, html := read(t, m.Path)
	if got := head.Get("Subject"); got != "Safelight: 1 urgent alert, reference 7KQ2M4XT" {
		t.Errorf("subject: %q", got)
	}
	if got := strings.TrimRight(text, "\r\n"); got != "Safelight: 1 urgent alert, reference 7KQ2M4XT. Sign in to see it: https://safelight.mail.example/a/7KQ2M4XT." {
		t.Errorf("text: %q", got)
	}
	words := strings.Join(strings.Fields(regexp.MustCompile(`(?s)<title>.*?</title>|<[^>]*>|&nbsp;`).ReplaceAllString(html, " ")), " ")
	if words != "Safelight: 1 urgent alert, reference 7KQ2M4XT . Sign in to see it: https://safelight.mail.example/a/7KQ2M4XT" {
		t.Errorf("html: %q", words)
	}
	if strings.Contains(html, "<img") || strings.Contains(html, "url(") {
		t.Error("the mail fetches something")
	}
	for name, value := range map[string]string{
		"From": `"Safelight" <safelight@mail.example>`, "To": "<dsl@mail.example>", "Message-Id": "<NOTE1234@mail.example>", "Auto-Submitted": "auto-generated",
		"Date": "Mon, 23 Nov 2026 12:00:00 +0000", "Mime-Version": "1.0",
	} {
		if got := head.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if !m.TLS || m.User != "collector" {
		t.Errorf("it came with TLS %v, as %q", m.TLS, m.User)
	}
	if d.note.Accepted != noon {
		t.Error("it is not noted as accepted")
	}
}

func TestG11NoMailAndNoLogNamesAnything(t *testing.T) {
	o, d := newOffice(t, nil), newDesk()
	m := o.mailer(t, d)
	if err := m.Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	raw, head, _, html := read(t, (<-o.mail).Path)
	hostname, _ := os.Hostname()
	for _, canary := range []string{"canary", "Canary", "larkmoor", "Larkmoor", "DSL", "pupil", "User-Agent", "X-Mailer", hostname} {
		if canary != "" && (strings.Contains(raw, canary) || strings.Contains(html, canary)) {
			t.Errorf("the mail holds %q:\n%s", canary, raw)
		}
	}
	allowed := "From To Subject Date Message-Id Mime-Version Content-Type Auto-Submitted"
	for name := range head {
		if !strings.Contains(allowed, name) {
			t.Errorf("the mail has a header %s: %v", name, head[name])
		}
	}
}

func TestASecondTryIsTheSameMail(t *testing.T) {
	o, d := newOffice(t, nil), newDesk()
	m := o.mailer(t, d)
	if err := m.Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	// Accepted, and the collector was killed before it could note that.
	d.note.Accepted = time.Time{}
	o.now = noon.Add(time.Hour)
	if err := m.Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	_, first, _, _ := read(t, (<-o.mail).Path)
	_, second, _, _ := read(t, (<-o.mail).Path)
	if a, b := first.Get("Message-Id"), second.Get("Message-Id"); a != b || a == "" {
		t.Errorf("the same notification is %q and %q", a, b)
	}
	// Noted as accepted, it is not sent again.
	if err := m.Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	if len(o.mail) != 0 {
		t.Error("an accepted mail was sent again")
	}
}

func TestG03WhoMayNoLongerSeeAnAlertIsNotToldOfIt(t *testing.T) {
	for name, change := range map[string]func(*desk){
		"it is about them now":    func(d *desk) { d.gone = true },
		"they have been disabled": func(d *desk) { d.user.Disabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			o, d := newOffice(t, nil), newDesk()
			change(d)
			var failure *Error
			if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); !errors.As(err, &failure) || !failure.GiveUp {
				t.Fatalf("got %v, want giving up", err)
			}
			if len(o.mail) != 0 || d.note.Failed.IsZero() {
				t.Errorf("mails: %d, failed: %v", len(o.mail), d.note.Failed)
			}
		})
	}
}

func TestAnErrorCarriesTheDecision(t *testing.T) {
	refuse := func(code int) func(string) error {
		return func(to string) error { return &smtp.SMTPError{Code: code, Message: "no " + to} }
	}
	for name, c := range map[string]struct {
		refuse func(string) error
		change func(*testing.T, *office)
		giveUp bool
		says   string
	}{
		"recipient unknown":                {refuse(550), nil, true, "the mail server answered 550; given up"},
		"greylisted":                       {refuse(451), nil, false, "the mail server answered 451"},
		"wrong password":                   {nil, func(t *testing.T, o *office) { write(t, o.cfg.PasswordFile, "other") }, false, "the mail server answered 535"},
		"nobody there":                     {nil, func(_ *testing.T, o *office) { o.cfg.Port = 1 }, false, "reaching the mail server"},
		"another's certificate":            {nil, func(_ *testing.T, o *office) { o.cfg.CAFile = "" }, false, "reaching the mail server"},
		"implicit TLS where there is none": {nil, func(_ *testing.T, o *office) { o.cfg.TLS = ImplicitTLS }, false, "reaching the mail server"},
	} {
		t.Run(name, func(t *testing.T) {
			o, d := newOffice(t, c.refuse), newDesk()
			if c.change != nil {
				c.change(t, o)
			}
			var failure *Error
			if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); !errors.As(err, &failure) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if failure.GiveUp != c.giveUp || (failure.RetryAfter > 0) == c.giveUp {
				t.Errorf("give up %v, retry after %s", failure.GiveUp, failure.RetryAfter)
			}
			if !strings.Contains(failure.Error(), c.says) {
				t.Errorf("it says %q, want %q", failure, c.says)
			}
			if d.note.Accepted != (time.Time{}) || d.note.Failed.IsZero() == c.giveUp || d.note.Error != failure.Error() {
				t.Errorf("noted: %+v", d.note)
			}
			for _, canary := range []string{"dsl@", "Canary", "canary", "secret"} {
				if strings.Contains(d.note.Error+o.log.String(), canary) {
					t.Errorf("%q is in %q or the log %q", canary, d.note.Error, o.log)
				}
			}
		})
	}
}

func TestAMailIsTriedForADayThenFailsVisibly(t *testing.T) {
	o, d := newOffice(t, func(string) error { return &smtp.SMTPError{Code: 451, Message: "later"} }), newDesk()
	m := o.mailer(t, d)
	tries := 0
	for ; d.note.Failed.IsZero() && tries < 200; tries++ {
		var failure *Error
		if err := m.Notify(t.Context(), school, "NOTE1234"); !errors.As(err, &failure) {
			t.Fatal(err)
		} else {
			o.now = o.now.Add(failure.RetryAfter)
		}
	}
	if tried := d.note.Failed.Sub(noon); tried < 23*time.Hour || tried > 24*time.Hour || tries < 90 {
		t.Errorf("tried %d times over %s, want every quarter of an hour for a day", tries, tried)
	}
	if !strings.Contains(d.note.Error, "given up") || !strings.Contains(o.log.String(), "giving up a mail") {
		t.Errorf("noted %q, logged %q", d.note.Error, o.log)
	}
	if err := m.Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Errorf("a failed one is tried again: %v", err)
	}
}

func TestTheFirstTriesComeSoon(t *testing.T) {
	for try, want := range []time.Duration{5 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute} {
		if got := WaitAfter(try); got != want {
			t.Errorf("after try %d: %s, want %s: an urgent alert waits", try, got, want)
		}
	}
	if got := WaitAfter(1000); got != 15*time.Minute {
		t.Errorf("after many tries: %s", got)
	}
}

func TestABrokenConfigurationNamesItsField(t *testing.T) {
	good := Config{Host: "mail.example", Port: 587, TLS: StartTLS, From: "safelight@mail.example"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*Config){
		"mail.host":          func(c *Config) { c.Host = "" },
		"mail.port":          func(c *Config) { c.Port = 70000 },
		"mail.tls":           func(c *Config) { c.TLS = "ssl" },
		"mail.tls: none":     func(c *Config) { c.TLS = NoTLS },
		"mail.user":          func(c *Config) { c.TLS, c.Host, c.User, c.PasswordFile = NoTLS, "127.0.0.1", "u", "p" },
		"mail.from":          func(c *Config) { c.From = "safelight" },
		"mail.password_file": func(c *Config) { c.User = "u" },
	} {
		cfg := good
		change(&cfg)
		err := cfg.Validate()
		if err == nil || !strings.Contains(err.Error(), "collector.yaml: "+field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "\n")
	now, log := time.Now, slog.New(slog.DiscardHandler)
	for want, cfg := range map[string]Config{
		"mail.password_file: open": {Host: "h", Port: 25, TLS: StartTLS, From: "a@b.example", User: "u", PasswordFile: "/nonexistent"},
		"is empty":                 {Host: "h", Port: 25, TLS: StartTLS, From: "a@b.example", User: "u", PasswordFile: empty},
		"no certificate in":        {Host: "h", Port: 25, TLS: StartTLS, From: "a@b.example", CAFile: empty},
		"mail.ca_file: open":       {Host: "h", Port: 25, TLS: StartTLS, From: "a@b.example", CAFile: "/nonexistent"},
	} {
		if _, err := NewMailer(cfg, "https://x.example", newDesk(), now, log); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, url := range []string{"", "http://x.example", "https://", "https://x.example/?a=b", "x.example", "https://x.example/#a"} {
		if _, err := NewMailer(good, url, newDesk(), now, log); err == nil || !strings.Contains(err.Error(), "public_url") {
			t.Errorf("public_url %q: got %v", url, err)
		}
	}
}

func TestAMailServerThatSaysNothingIsLeft(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o, d := newOffice(t, nil), newDesk()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	o.cfg.Port, _ = strconv.Atoi(port)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	var failure *Error
	if err := o.mailer(t, d).Notify(ctx, school, "NOTE1234"); !errors.As(err, &failure) || failure.GiveUp {
		t.Errorf("got %v, want to try again", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to leave", took)
	}
}

func TestImplicitTLSAndItsPassword(t *testing.T) {
	o, d := newOfficeOn(t, nil, ImplicitTLS), newDesk()
	if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	if m := <-o.mail; !m.TLS || m.User != "collector" {
		t.Errorf("it came with TLS %v, as %q", m.TLS, m.User)
	}
}

// A way that claims to protect and does not would send the password in clear.
func TestAMailServerWithoutSTARTTLSIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan mailbox.Message, 1)
	server, err := mailbox.Serve(listener, mailbox.Config{
		Dir: t.TempDir(), Announce: func(m mailbox.Message) { got <- m }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(context.Background())
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	o, d := newOffice(t, nil), newDesk()
	o.cfg.Port, _ = strconv.Atoi(port)
	var failure *Error
	if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); !errors.As(err, &failure) || failure.GiveUp {
		t.Errorf("got %v, want to try again", err)
	}
	// Only where the configuration says "none", for this machine, without a
	// password.
	o.cfg.TLS, o.cfg.User, o.cfg.PasswordFile = NoTLS, "", ""
	if err := o.mailer(t, d).Notify(t.Context(), school, "NOTE1234"); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m.TLS {
		t.Error("it came over TLS")
	}
}
