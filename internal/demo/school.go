package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
)

// The demo's people are plainly invented.
const (
	dslName  = "Demo DSL"
	dslEmail = "dsl@trial-school.example"
)

// What the demo does that the starter rules flag: a site on the weapons list
// and a VPN program. Neither name leaves this machine.
const (
	flaggedSite    = "defcad.com"
	flaggedProgram = "nordvpn"
)

// school is a trial school on this machine.
type school struct {
	dir              string
	collector, agent string // the programs
	account          string // of this machine's user, the demo's pupil
	privileged       bool   // may look at packets
	consoleURL       string
	signIn           string
	mails            chan mailbox.Message
	mailbox          *mailbox.Server
	smtp             net.Listener
	site             *site
	proxy            *proxy
	collectorP       *running
	agentP           *running
	ended            chan error
	ports            ports
	mailCA           string
	mailPasswordFile string
}

type ports struct{ agents, console, metrics, mail string }

func newSchool(ctx context.Context) (*school, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	who, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("finding whose account this is: %w", err)
	}
	dir, err := os.MkdirTemp("", "safelight-demo-")
	if err != nil {
		return nil, err
	}
	return &school{
		dir: dir, collector: filepath.Join(here, "bin", "safelight-collector"), agent: filepath.Join(here, "bin", "safelight-agent"),
		account: who.Username, privileged: os.Geteuid() == 0, mails: make(chan mailbox.Message, 16), ended: make(chan error, 1),
	}, nil
}

func (s *school) close() error {
	var errs []error
	for _, r := range []*running{s.agentP, s.collectorP} {
		if r != nil {
			errs = append(errs, r.stop())
		}
	}
	if s.site != nil {
		errs = append(errs, s.site.close())
	}
	if s.proxy != nil {
		errs = append(errs, s.proxy.close())
	}
	if s.mailbox != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.mailbox.Close(ctx) // nobody sends any more
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func step(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// build makes everything that stands before the first visit.
func (s *school) build(ctx context.Context) error {
	fmt.Println("Safelight demo: a trial school on this machine, invented people, nothing leaves it.")
	if !s.privileged {
		fmt.Println("Not root: packets cannot be looked at. The visit goes through a proxy on this machine, whose log the agent follows.")
	}
	for _, do := range []func(context.Context) error{s.openMailbox, s.openSites, s.startCollector, s.addPeople, s.publish, s.startAgent} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *school) openMailbox(context.Context) error {
	cert, ca, err := certificate("localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	s.mailCA = filepath.Join(s.dir, "mail-ca.pem")
	s.mailPasswordFile = filepath.Join(s.dir, "mail-password")
	if err := os.WriteFile(s.mailCA, ca, 0o600); err != nil {
		return err
	}
	const password = "demo mail password"
	if err := os.WriteFile(s.mailPasswordFile, []byte(password), 0o600); err != nil {
		return err
	}
	if s.smtp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	s.mailbox, err = mailbox.Serve(s.smtp, mailbox.Config{
		Dir: filepath.Join(s.dir, "mailbox"), TLS: serverTLS(cert), User: "safelight", Password: password,
		Announce: func(m mailbox.Message) { s.mails <- m }, Now: time.Now, Log: logging.Discard(),
	})
	step("a mailbox for alerts (STARTTLS, password)")
	return err
}

func (s *school) openSites(context.Context) error {
	cert, _, err := certificate(flaggedSite)
	if err != nil {
		return err
	}
	if s.site, err = openSite(cert); err != nil || s.privileged {
		return err
	}
	s.proxy, err = openProxy(s.proxyLog(), s.site.addr)
	return err
}

func (s *school) proxyLog() string { return filepath.Join(s.dir, "access.log") }

func (s *school) collectorDir() string { return filepath.Join(s.dir, "collector") }
func (s *school) agentDir() string     { return filepath.Join(s.dir, "agent") }

// ask runs a verb of the collector and reads the JSON document it prints.
func (s *school) ask(ctx context.Context, into any, verb ...string) error {
	out, err := once(ctx, s.collector, append(verb, "--dir", s.collectorDir(), "--json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

func (s *school) startCollector(ctx context.Context) error {
	if _, err := once(ctx, s.collector, "init", "--dir", s.collectorDir()); err != nil {
		return err
	}
	if err := s.choosePorts(); err != nil {
		return err
	}
	conf := fmt.Sprintf(`school: {name: Trial school}
public_url: %s
listen: {agents: "127.0.0.1:%s", console: "127.0.0.1:%s", metrics: "127.0.0.1:%s"}
mail: {host: localhost, port: %s, tls: starttls, user: safelight, password_file: %q, from: safelight@trial-school.example, ca_file: %q}
`, s.consoleURL, s.ports.agents, s.ports.console, s.ports.metrics, s.ports.mail, s.mailPasswordFile, s.mailCA)
	if err := os.WriteFile(filepath.Join(s.collectorDir(), "collector.yaml"), []byte(conf), 0o600); err != nil {
		return err
	}
	var err error
	s.collectorP, err = start(ctx, s.ended, `"ready"`, s.collector, "serve", "--dir", s.collectorDir())
	step("the collector, serving %s", s.consoleURL)
	return err
}

func (s *school) choosePorts() error {
	free := make([]string, 3)
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // all at once, so that they differ
		free[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	s.ports = ports{free[0], free[1], free[2], strconv.Itoa(s.smtp.Addr().(*net.TCPAddr).Port)}
	s.consoleURL = "https://localhost:" + s.ports.console
	return nil
}

func (s *school) addPeople(ctx context.Context) error {
	var added struct {
		Link string `json:"link"`
	}
	if err := s.ask(ctx, &added, "user", "add", "--name", dslName, "--email", dslEmail, "--duty", "dsl"); err != nil {
		return err
	}
	s.signIn = added.Link
	roster := filepath.Join(s.dir, "pupils.csv")
	if err := os.WriteFile(roster, []byte("account,name,role,year\n"+s.account+",Demo Pupil,pupil,9\n"), 0o600); err != nil {
		return err
	}
	_, err := once(ctx, s.collector, "roster", "import", roster, "--dir", s.collectorDir())
	step("a DSL (%s), and this machine's account %q as an invented pupil", dslName, s.account)
	return err
}

func (s *school) publish(ctx context.Context) error {
	_, err := once(ctx, s.collector, "rules", "publish", "packs", "--as", dslName, "--reason", "Demo", "--dir", s.collectorDir())
	step("the starter rules, checked, signed and published")
	return err
}

func (s *school) startAgent(ctx context.Context) error {
	var token struct {
		Token string `json:"token"`
	}
	if err := s.ask(ctx, &token, "token", "create", "--uses", "1"); err != nil {
		return err
	}
	if _, err := once(ctx, s.agent, "enrol", "--dir", s.agentDir(), "--token", token.Token); err != nil {
		return err
	}
	conf := "network: {enabled: true}\nprocess: {enabled: true}\n"
	if !s.privileged {
		conf = fmt.Sprintf("network: {enabled: false}\nprocess: {enabled: true}\nweblog: [{format: squid, path: %q}]\n", s.proxyLog())
	}
	if err := os.WriteFile(filepath.Join(s.agentDir(), "agent.yaml"), []byte(conf), 0o600); err != nil {
		return err
	}
	var err error
	if s.agentP, err = start(ctx, s.ended, "", s.agent, "run", "--dir", s.agentDir()); err != nil {
		return err
	}
	if err := s.untilReady(ctx); err != nil {
		return err
	}
	step("this machine, enrolled: the agent sees, has its rules and is connected")
	return nil
}
