package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/trialschool"
)

// What the demo does that the starter rules flag: a site on the weapons list
// and a VPN program. Neither name leaves this machine.
const (
	flaggedSite    = "defcad.com"
	flaggedProgram = "nordvpn"
)

// demo is a trial school, its mailbox, and something to visit.
type demo struct {
	*trialschool.School
	account    string // of this machine's user, the demo's pupil
	privileged bool   // may look at packets
	signIn     string
	mails      chan mailbox.Message
	mailbox    *mailbox.Server
	site       *site
	proxy      *proxy
	programs   []*trialschool.Program // in the order of stopping
}

func newDemo(ctx context.Context) (*demo, error) {
	who, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("finding whose account this is: %w", err)
	}
	dir, err := os.MkdirTemp("", "safelight-demo-")
	if err != nil {
		return nil, err
	}
	d := &demo{account: who.Username, privileged: os.Geteuid() == 0, mails: make(chan mailbox.Message, 16)}
	d.School, err = trialschool.New(ctx, dir, "bin")
	return d, err
}

func (d *demo) close() error {
	var errs []error
	for _, p := range d.programs {
		errs = append(errs, p.Stop())
	}
	if d.site != nil {
		errs = append(errs, d.site.close())
	}
	if d.proxy != nil {
		errs = append(errs, d.proxy.close())
	}
	if d.mailbox != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = d.mailbox.Close(ctx) // nobody sends any more
	}
	return errors.Join(append(errs, os.RemoveAll(d.Dir))...)
}

func step(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// build makes everything that stands before the first visit.
func (d *demo) build(ctx context.Context) error {
	fmt.Println("Safelight demo: a trial school on this machine, invented people, nothing leaves it.")
	if !d.privileged {
		fmt.Println("Not root: packets cannot be looked at. The visit goes through a proxy on this machine, whose log the agent follows.")
	}
	for _, do := range []func(context.Context) error{d.openMailbox, d.openSites, d.startCollector, d.addPeople, d.startAgent} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) openMailbox(context.Context) error {
	cert, ca, err := certificate("localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	const password = "demo mail password"
	caFile, passwordFile := filepath.Join(d.Dir, "mail-ca.pem"), filepath.Join(d.Dir, "mail-password")
	if err := errors.Join(os.WriteFile(caFile, ca, 0o600), os.WriteFile(passwordFile, []byte(password), 0o600)); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.Mail = fmt.Sprintf("{host: localhost, port: %d, tls: starttls, user: safelight, password_file: %q, from: safelight@trial-school.example, ca_file: %q}",
		l.Addr().(*net.TCPAddr).Port, passwordFile, caFile)
	d.mailbox, err = mailbox.Serve(l, mailbox.Config{
		Dir: filepath.Join(d.Dir, "mailbox"), TLS: serverTLS(cert), User: "safelight", Password: password,
		Announce: func(m mailbox.Message) { d.mails <- m }, Now: time.Now, Log: logging.Discard(),
	})
	step("a mailbox for alerts (STARTTLS, password)")
	return err
}

func (d *demo) openSites(context.Context) error {
	cert, _, err := certificate(flaggedSite)
	if err != nil {
		return err
	}
	if d.site, err = openSite(cert); err != nil || d.privileged {
		return err
	}
	d.proxy, err = openProxy(d.proxyLog(), d.site.addr)
	return err
}

func (d *demo) proxyLog() string { return filepath.Join(d.Dir, "access.log") }

func (d *demo) startCollector(ctx context.Context) error {
	p, err := d.StartCollector(ctx)
	if p != nil {
		d.programs = append(d.programs, p)
	}
	step("the collector, serving %s", d.ConsoleURL)
	return err
}

func (d *demo) addPeople(ctx context.Context) (err error) {
	if d.signIn, err = d.AddDSL(ctx); err != nil {
		return err
	}
	if err := d.ImportPupil(ctx, d.account); err != nil {
		return err
	}
	step("a DSL (%s), and this machine's account %q as an invented pupil", trialschool.DSLName, d.account)
	if err := d.Publish(ctx, "packs"); err != nil {
		return err
	}
	step("the starter rules, checked, signed and published")
	return nil
}

func (d *demo) startAgent(ctx context.Context) error {
	conf := "network: {enabled: true}\nprocess: {enabled: true}\n"
	if !d.privileged {
		conf = fmt.Sprintf("network: {enabled: false}\nprocess: {enabled: true}\nweblog: [{format: squid, path: %q}]\n", d.proxyLog())
	}
	if err := d.Enrol(ctx, d.AgentDir(), conf); err != nil {
		return err
	}
	p, err := d.StartAgent(ctx, d.AgentDir())
	if p != nil {
		d.programs = append([]*trialschool.Program{p}, d.programs...)
	}
	if err != nil {
		return err
	}
	if err := d.UntilReady(ctx, d.AgentDir()); err != nil {
		return err
	}
	step("this machine, enrolled: the agent sees, has its rules and is connected")
	return nil
}
