package localstate

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// A proven socket is a port on 127.0.0.1, which everybody on the machine can
// reach, and a file that only the owner of its folder can read: it names the port
// and holds a key that is made anew each time. Before anything else is said both
// ends prove to each other that they have read the file:
//
//	server -> client   32 random bytes S
//	client -> server   32 random bytes C, HMAC-SHA-256(key, "client" S C)
//	server -> client   HMAC-SHA-256(key, "server" S C)
//
// The key is never sent, so that whoever takes the port after a program was
// killed learns nothing and is not believed.
const (
	proofTime  = 5 * time.Second // for a proof; a program on the same machine needs a millisecond
	mostProofs = 32              // at once; more callers wait
)

var (
	errNoProof = errors.New("the other end did not prove that it has read this program's file")
	errWrong   = errors.New("its proof is of another key")
)

type proven struct {
	net.Listener
	path  string
	key   []byte
	ready chan net.Conn // have proved it
	gone  chan struct{} // closed by Close
	once  sync.Once
	all   sync.WaitGroup
	// proving holds the net.Conn of each proof under way, for Close.
	proving sync.Map
}

func listenProven(path string) (net.Listener, error) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &proven{Listener: tcp, path: path, key: random(), ready: make(chan net.Conn), gone: make(chan struct{})}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s %x\n", tcp.Addr(), l.key), 0o600); err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	l.all.Go(l.prove)
	return l, nil
}

// prove takes callers in and hands on those who prove themselves.
func (l *proven) prove() {
	room := make(chan struct{}, mostProofs)
	for {
		select {
		case room <- struct{}{}:
		case <-l.gone:
			return
		}
		c, err := l.Listener.Accept()
		if err != nil {
			l.end()
			return
		}
		l.all.Go(func() {
			defer func() { <-room }()
			l.proving.Store(c, true)
			defer l.proving.Delete(c)
			if handshake(c, l.key, true) != nil {
				_ = c.Close()
				return
			}
			select {
			case l.ready <- c: // from here on it is the caller's
			case <-l.gone:
				_ = c.Close()
			}
		})
	}
}

func (l *proven) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l *proven) end() { l.once.Do(func() { close(l.gone) }) }

// Close ends every proof that is under way, and takes the file away.
func (l *proven) Close() error {
	l.end()
	err := l.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil // it was closed before
	}
	l.proving.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close()
		return true
	})
	l.all.Wait()
	return errors.Join(err, os.Remove(l.path))
}

func dialProven(path string) (net.Conn, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	addr, text, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	at, err := netip.ParseAddrPort(addr)
	key, keyErr := hex.DecodeString(text)
	if err != nil || keyErr != nil || !at.Addr().IsLoopback() || len(key) != sha256.Size {
		return nil, fmt.Errorf("reading %s: it does not hold a port of this machine and a key", path)
	}
	c, err := net.DialTimeout("tcp", at.String(), proofTime)
	if err != nil {
		return nil, err
	}
	if err := handshake(c, key, false); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// handshake proves this end and has the other prove itself, in time.
func handshake(c net.Conn, key []byte, server bool) error {
	if err := c.SetDeadline(time.Now().Add(proofTime)); err != nil {
		return err
	}
	proves := proveToServer
	if server {
		proves = proveToClient
	}
	if err := proves(c, key); err != nil {
		return fmt.Errorf("%w: %w", errNoProof, err)
	}
	return c.SetDeadline(time.Time{})
}

func proveToClient(c io.ReadWriter, key []byte) error {
	mine, said := random(), make([]byte, 2*sha256.Size)
	if _, err := c.Write(mine); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, said); err != nil {
		return err
	}
	theirs, proof := said[:sha256.Size], said[sha256.Size:]
	if !hmac.Equal(proof, proofOf(key, "client", mine, theirs)) {
		return errWrong
	}
	_, err := c.Write(proofOf(key, "server", mine, theirs))
	return err
}

func proveToServer(c io.ReadWriter, key []byte) error {
	mine, theirs, proof := random(), make([]byte, sha256.Size), make([]byte, sha256.Size)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return err
	}
	if _, err := c.Write(append(bytes.Clone(mine), proofOf(key, "client", theirs, mine)...)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, proof); err != nil {
		return err
	}
	if !hmac.Equal(proof, proofOf(key, "server", theirs, mine)) {
		return errWrong
	}
	return nil
}

func proofOf(key []byte, who string, server, client []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, who) // a hash takes everything
	_, _ = h.Write(server)
	_, _ = h.Write(client)
	return h.Sum(nil)
}

func random() []byte {
	b := make([]byte, sha256.Size)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
