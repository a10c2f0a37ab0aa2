package selfcheck

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// askPlainly says a name in the head of a plain HTTP request, as a browser would,
// and does not wait for what comes of it: whoever is there serves no such host.
func askPlainly(ctx context.Context, address, name string) error {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("saying a name in an HTTP request: %w", err)
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline) // a connection that is closed already says so below
	if _, err := io.WriteString(c, "HEAD / HTTP/1.1\r\nHost: "+name+"\r\nUser-Agent: Safelight check\r\nConnection: close\r\n\r\n"); err != nil {
		return fmt.Errorf("saying a name in an HTTP request: %w", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(hangUp)) // until the other end has read it: a reset could overtake the request
	_, _ = io.CopyN(io.Discard, c, 64)
	return nil
}

// hangUp is how long whoever was asked has to answer before it is hung up on.
const hangUp = time.Second

func askPlainlyHere(ctx context.Context, name string) error {
	return onLoopback(ctx, func(address string) error { return askPlainly(ctx, address, name) })
}

// onLoopback has say talk to a listener of the check's own, which hears its
// beginning and hangs up. Somebody else's program that came first, and says nothing,
// is hung up on when say has ended.
func onLoopback(ctx context.Context, say func(address string) error) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening on loopback: %w", err)
	}
	hearing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer context.AfterFunc(hearing, func() { _ = c.Close() })() // it may be by then
		_, _ = io.CopyN(io.Discard, c, 64)                           // the beginning of what is said; then it is hung up on
		_ = c.Close()
	}()
	err = say(l.Addr().String())
	_ = l.Close() // nothing was written to it
	stop()
	<-done
	return err
}
