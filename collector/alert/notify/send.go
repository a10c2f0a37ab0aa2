package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"

	gomail "github.com/wneessen/go-mail"
)

// auths are the ways to sign in to the mail server, best first. The plain ones
// come only after TLS: Validate refuses a user without it.
var auths = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256,
	gomail.SMTPAuthPlain, gomail.SMTPAuthLogin,
}

// line is the one connection of a try. The library leaves it open when a
// greeting, a handshake or a sign-in fails, and does not heed the context once
// connected; so it is held here, and always closed.
type line struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex // guards conn
	conn net.Conn
}

func (l *line) open(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return conn, nil
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // done with, whatever it says
	}
}

// client builds the connection's settings.
func (m *Mailer) client(l *line) (*gomail.Client, error) {
	tlsConfig, err := m.cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	password, err := m.cfg.password()
	if err != nil {
		return nil, err
	}
	opts := []gomail.Option{
		gomail.WithPort(m.cfg.Port), gomail.WithTimeout(timeout / 2), gomail.WithHELO(m.cfg.domain()),
		gomail.WithTLSConfig(tlsConfig), gomail.WithoutNoop(),
	}
	dialer := &net.Dialer{}
	l.dial = dialer.DialContext
	switch m.cfg.TLS {
	case ImplicitTLS:
		l.dial = (&tls.Dialer{NetDialer: dialer, Config: tlsConfig}).DialContext
		opts = append(opts, gomail.WithSSL())
	case NoTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	opts = append(opts, gomail.WithDialContextFunc(l.open))
	if m.cfg.User != "" {
		opts = append(opts, gomail.WithUsername(m.cfg.User), gomail.WithPassword(password), gomail.WithOpportunisticSMTPAuth(auths...))
	}
	return gomail.NewClient(m.cfg.Host, opts...)
}

// send hands a message to the mail server. It counts as accepted when the
// server says so; what the server answers to the goodbye changes nothing.
func (m *Mailer) send(ctx context.Context, msg *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var l line
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	client, err := m.client(&l)
	if err != nil {
		return &Error{Doing: "preparing to mail", err: err}
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// A refused sign-in or certificate is mended on the server, mostly
		// within the day; so it is tried again.
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return &Error{Doing: "reaching the mail server", Code: code(err), err: err}
	}
	defer func() { _ = client.CloseWithSMTPClient(conn) }()
	err = client.SendWithSMTPClient(conn, msg)
	if err == nil {
		return nil
	}
	failure := &Error{Doing: "handing over the mail", Code: code(err), err: withoutText(ctx, err)}
	failure.GiveUp = failure.Code >= 500 && failure.Code < 600
	return failure
}

// withoutText drops what the library says about a failed hand-over: it quotes
// the recipient.
func withoutText(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var sent *gomail.SendError
	if errors.As(err, &sent) {
		return errors.New(sent.Reason.String())
	}
	return errors.New("the connection broke")
}
