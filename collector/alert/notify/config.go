package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"
)

// Config is the mail section of collector.yaml.
type Config struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	TLS          string `yaml:"tls"` // starttls, tls or none (loopback only)
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"`
	CAFile       string `yaml:"ca_file"` // PEM; empty: the system's
}

// The ways to protect the way to the mail server.
const (
	StartTLS    = "starttls"
	ImplicitTLS = "tls"
	NoTLS       = "none"
)

// Validate names every field that is wrong, and how to mend it.
func (c Config) Validate() error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("collector.yaml: mail.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Host == "" {
		wrong("host", "empty; give the name of the school's mail server")
	}
	if c.Port < 1 || c.Port > 65535 {
		wrong("port", "%d; want 1 to 65535, mostly 587 for starttls and 465 for tls", c.Port)
	}
	switch c.TLS {
	case StartTLS, ImplicitTLS:
	case NoTLS:
		if !loopback(c.Host) {
			wrong("tls", "none is allowed only for a mail server on this machine; use starttls or tls")
		}
		if c.User != "" {
			wrong("user", "a password is never sent without TLS; use starttls or tls, or leave user empty")
		}
	default:
		wrong("tls", "%q; want starttls, tls or none", c.TLS)
	}
	if _, err := mail.ParseAddress(c.From); err != nil || !strings.Contains(c.From, "@") {
		wrong("from", "%q is not an address; give one like safelight@school.example", c.From)
	}
	if (c.User == "") != (c.PasswordFile == "") {
		wrong("password_file", "user and password_file belong together; give both or neither")
	}
	return errors.Join(errs...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// domain is what the server calls itself to the mail server, and the right side
// of message ids. The machine's own name would tell too much.
func (c Config) domain() string {
	addr, err := mail.ParseAddress(c.From)
	if err != nil {
		return "localhost"
	}
	return addr.Address[strings.LastIndexByte(addr.Address, '@')+1:]
}

// password reads the password file. Each send reads it anew, so that a changed
// password needs no restart.
func (c Config) password() (string, error) {
	if c.PasswordFile == "" {
		return "", nil
	}
	data, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("collector.yaml: mail.password_file: %w; make it readable for the collector only", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" {
		return "", fmt.Errorf("collector.yaml: mail.password_file: %s is empty; put the password in it, on one line", c.PasswordFile)
	}
	return password, nil
}

func (c Config) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("collector.yaml: mail.ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("collector.yaml: mail.ca_file: no certificate in %s; give a PEM file", c.CAFile)
	}
	return cfg, nil
}
