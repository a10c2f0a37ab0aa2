package selfcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
)

// Tries are how a check touches the device. Its zero value is the real one; a
// test hands in its own.
type Tries struct {
	// Ask asks the device's resolver for a name; false: it has none that could be
	// asked. What is answered does not matter.
	Ask func(ctx context.Context, name string) (sent bool)
	// AskHere asks over the device's own loopback.
	AskHere func(ctx context.Context, name string) error
	// Greet says a name in a TLS hello to an address.
	Greet func(ctx context.Context, address, name string) error
	// GreetHere says it over the device's own loopback.
	GreetHere func(ctx context.Context, name string) error
	// Request says a name in a plain HTTP request to an address.
	Request func(ctx context.Context, address, name string) error
	// RequestHere says it so over the device's own loopback.
	RequestHere func(ctx context.Context, name string) error
	// Connect says it as the beginning of a QUIC connection to an address's host.
	Connect func(ctx context.Context, address, name string) error
	// ConnectHere says it so over the device's own loopback.
	ConnectHere func(ctx context.Context, name string) error
	// Start starts a program that runs until end is called, which waits for it.
	Start func() (pid int, exe string, end func(), err error)
}

func (t Tries) withDefaults() Tries {
	if t.Ask == nil {
		t.Ask = ask
	}
	if t.AskHere == nil {
		t.AskHere = askHere
	}
	if t.Greet == nil {
		t.Greet = greet
	}
	if t.GreetHere == nil {
		t.GreetHere = greetHere
	}
	if t.Request == nil {
		t.Request = askPlainly
	}
	if t.RequestHere == nil {
		t.RequestHere = askPlainlyHere
	}
	if t.Connect == nil {
		t.Connect = connectFar
	}
	if t.ConnectHere == nil {
		t.ConnectHere = connectHere
	}
	if t.Start == nil {
		t.Start = startSelf
	}
	return t
}

const (
	askTime   = 4 * time.Second
	greetTime = 4 * time.Second
)

// ask asks by itself what the system's configuration names, rather than through a
// service, of whose own questions nobody could say that they were these. Windows
// tells of questions that its own resolver asks, so there that one does.
func ask(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var sent atomic.Bool
	r := &net.Resolver{PreferGo: runtime.GOOS != "windows", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return noting(c, &sent), nil
	}}
	_, err := r.LookupNetIP(ctx, "ip4", name+".")
	var dns *net.DNSError
	return sent.Load() || runtime.GOOS == "windows" && errors.As(err, &dns) && !dns.IsTimeout
}

// noting notes that something was written. A resolver tells datagrams from
// streams by whether a connection is a net.PacketConn, so that it stays one.
func noting(c net.Conn, sent *atomic.Bool) net.Conn {
	if p, ok := c.(net.PacketConn); ok {
		return &notedPackets{noted{c, sent}, p}
	}
	return &noted{c, sent}
}

type noted struct {
	net.Conn
	sent *atomic.Bool
}

// Write implements net.Conn.
func (n *noted) Write(b []byte) (int, error) {
	count, err := n.Conn.Write(b)
	if err == nil {
		n.sent.Store(true)
	}
	return count, err
}

type notedPackets struct {
	noted
	packets net.PacketConn
}

// ReadFrom implements net.PacketConn.
func (n *notedPackets) ReadFrom(b []byte) (int, net.Addr, error) { return n.packets.ReadFrom(b) }

// WriteTo implements net.PacketConn.
func (n *notedPackets) WriteTo(b []byte, to net.Addr) (int, error) { return n.packets.WriteTo(b, to) }

// askHere sends the question to this device's own address, where nobody need
// listen: a source sees it on its way.
func askHere(ctx context.Context, name string) error {
	c, err := new(net.Dialer).DialContext(ctx, "udp", "127.0.0.1:53")
	if err != nil {
		return fmt.Errorf("asking over loopback: %w", err)
	}
	defer c.Close()
	if _, err := c.Write(question(name)); err != nil {
		return fmt.Errorf("asking over loopback: %w", err)
	}
	return nil
}

// question is a DNS question for a name's IPv4 address (RFC 1035, 4.1). The name
// is one of ours: short labels of ASCII.
func question(name string) []byte {
	q := []byte{0x53, 0x4c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0} // id, recursion desired, one question
	label := len(q)
	q = append(q, 0)
	for i := range len(name) {
		if name[i] == '.' {
			label = len(q)
			q = append(q, 0)
			continue
		}
		q = append(q, name[i])
		q[label]++
	}
	return append(q, 0, 0, 1, 0, 1) // end, A, IN
}

// greet begins TLS as a browser would and gives up: whoever answers has no
// certificate for the name.
func greet(ctx context.Context, address, name string) error {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("saying a name in a TLS hello: %w", err)
	}
	defer c.Close()
	var sent atomic.Bool
	hello := tls.Client(&noted{c, &sent}, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12})
	if err := hello.HandshakeContext(ctx); err != nil && !sent.Load() {
		return fmt.Errorf("saying a name in a TLS hello: %w", err)
	}
	return nil
}

func greetHere(ctx context.Context, name string) error {
	return onLoopback(ctx, func(address string) error { return greet(ctx, address, name) })
}

// ProgramVerb makes the agent's executable the program that a check starts. No
// help lists it.
const ProgramVerb = "selfcheck-program"

// programTime is how long such a program lives at most, should nobody end it.
const programTime = 15 * time.Second

// RunProgram is what the program does: nothing, until in ends.
func RunProgram(in io.Reader) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, in)
	}()
	select {
	case <-done:
	case <-time.After(programTime):
	}
}

// startSelf starts this executable again. It stays until end: a program that is
// gone between two looks is not seen where programs are looked for and not told
// of, and proves nothing of those that stay.
func startSelf() (pid int, exe string, end func(), err error) {
	exe, err = os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return 0, "", nil, fmt.Errorf("finding the agent's own program: %w", err)
	}
	cmd := exec.Command(exe, ProgramVerb) //nolint:noctx // end ends it
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, "", nil, fmt.Errorf("starting a program: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, "", nil, fmt.Errorf("starting a program: %w", err)
	}
	return cmd.Process.Pid, exe, func() {
		_ = in.Close()
		_ = cmd.Wait() // it has nothing to say
	}, nil
}
