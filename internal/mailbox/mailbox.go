// Package mailbox receives mail and keeps each message as a file. The demo and
// the tests use it to prove that a notification was really accepted by a mail
// server, over STARTTLS and with a password. It delivers nothing, filters
// nothing and trusts whoever has the one password: never run it for a school.
package mailbox

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxMessage bounds a message; notifications are under 4 KiB.
const maxMessage = 1 << 20

// Message is a message that has been accepted and is on disk.
type Message struct {
	From string
	To   []string
	Path string // of the .eml file
	TLS  bool   // it came over TLS
	User string // who signed in to send it
	At   time.Time
}

// Config is what a mailbox is given.
type Config struct {
	Dir      string      // where messages go; made if missing
	TLS      *tls.Config // for STARTTLS; nil: none, and no AUTH either
	User     string      // empty: anyone may send
	Password string
	// Announce is called for each message after it is on disk and before the
	// sender is told that it was accepted. It may be nil.
	Announce func(Message)
	// Refuse decides about a recipient; nil takes all. Return an *smtp.SMTPError
	// to choose the answer. Tests use it to make a mail server that will not.
	Refuse func(to string) error
	Now    func() time.Time
	Log    *slog.Logger
}

// Server is a running mailbox.
type Server struct {
	cfg      Config
	smtp     *smtp.Server
	listener net.Listener
	done     chan struct{}

	mu    sync.Mutex // guards count
	count int
}

// Serve starts receiving on a listener and returns at once. The server owns the
// listener until Close.
func Serve(listener net.Listener, cfg Config) (*Server, error) {
	if cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("starting the mailbox: it needs a clock and a logger")
	}
	if cfg.User != "" && cfg.TLS == nil {
		return nil, errors.New("starting the mailbox: a password needs TLS; give a certificate")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("starting the mailbox: %w", err)
	}
	s := &Server{cfg: cfg, listener: listener, done: make(chan struct{})}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = "mailbox.localhost"
	s.smtp.TLSConfig = cfg.TLS
	s.smtp.MaxMessageBytes = maxMessage
	s.smtp.MaxRecipients = 20
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = 30*time.Second, 30*time.Second
	s.smtp.ErrorLog = quiet{}
	go func() {
		defer close(s.done)
		if err := s.smtp.Serve(listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			cfg.Log.Error("receiving mail stopped", "error", err)
		}
	}()
	return s, nil
}

// Close stops receiving and waits for it, as long as the context lives.
func (s *Server) Close(ctx context.Context) error {
	// The listener is closed here too: a server that has not begun to serve yet
	// does not know it.
	s.listener.Close()
	err := s.smtp.Shutdown(ctx)
	if err != nil {
		s.smtp.Close()
	}
	<-s.done
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) session(conn *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: conn}, nil
}

// store writes a message and tells of it.
func (s *Server) store(m Message, body io.Reader) error {
	s.mu.Lock()
	s.count++
	n := s.count
	s.mu.Unlock()
	m.At = s.cfg.Now()
	m.Path = filepath.Join(s.cfg.Dir, fmt.Sprintf("%s-%04d.eml", m.At.UTC().Format("20060102T150405.000000"), n))
	if err := writeFile(m.Path, body); err != nil {
		s.cfg.Log.Error("keeping a mail failed", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Cannot keep it just now"}
	}
	if s.cfg.Announce != nil {
		s.cfg.Announce(m)
	}
	return nil
}

// writeFile makes the file appear whole or not at all.
func writeFile(path string, body io.Reader) error {
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		os.Remove(path + ".part")
		return err
	}
	return os.Rename(path+".part", path)
}

// session is one connection's conversation.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	from   string
	to     []string
}

func (s *session) AuthMechanisms() []string {
	if s.server.cfg.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		same := subtle.ConstantTimeCompare([]byte(user), []byte(s.server.cfg.User)) &
			subtle.ConstantTimeCompare([]byte(password), []byte(s.server.cfg.Password))
		if same != 1 {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.cfg.User != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.cfg.Refuse != nil {
		if err := s.server.cfg.Refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	_, secure := s.conn.TLSConnectionState()
	return s.server.store(Message{From: s.from, To: append([]string(nil), s.to...), TLS: secure, User: s.user}, r)
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// quiet drops what the library logs: it quotes addresses.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
