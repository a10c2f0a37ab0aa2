package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// TestASchoolThatComesBackAtOnceIsNotRefused: all its devices have one address, and
// one that is refused comes back late.
func TestASchoolThatComesBackAtOnceIsNotRefused(t *testing.T) {
	const devices, atATime = 60, 3
	cert := selfSigned(t)
	l := listenLimited(t, connLimits{all: 100, strangers: 10, perAddress: atATime, queue: devices})
	var mu sync.Mutex
	most := 0
	srv := grpc.NewServer(grpc.Creds(newKnowing(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13,
		VerifyConnection: func(tls.ConnectionState) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			most = max(most, l.strangers)
			return nil
		},
	})))
	var all sync.WaitGroup
	all.Go(func() { _ = srv.Serve(l) })
	var conns []net.Conn
	for range devices {
		conns = append(conns, dialTo(t, l))
	}
	for i, c := range conns[atATime+1:] { // who is served first says nothing yet
		all.Go(func() {
			conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
			if err := tls.Client(c, conf).Handshake(); err != nil {
				t.Errorf("device %d: %v", i, err)
			}
		})
	}
	for _, c := range conns[:atATime+1] { // they leave without a word
		_ = c.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for l.counted() != (counts{all: devices - atATime - 1}) {
		if time.Now().After(deadline) {
			t.Fatalf("counted %+v, want %d devices", l.counted(), devices-atATime-1)
		}
		<-time.After(10 * time.Millisecond)
	}
	for _, c := range conns {
		_ = c.Close() // gRPC still waits for their first words
	}
	srv.Stop()
	all.Wait()
	if most > atATime {
		t.Errorf("%d handshakes at a time, want at most %d", most, atATime)
	}
}

type counts struct{ all, strangers, addresses, waiting int }

func (l *limited) counted() counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return counts{l.all, l.strangers, len(l.from), l.queue.len}
}

func TestAddressesTakeTurnsHoweverMuchOneFloods(t *testing.T) {
	var q queue
	var flood []*guest
	for range 100 {
		g := &guest{address: "flood"}
		flood = append(flood, g)
		q.join(g)
	}
	for n := range 3 {
		q.join(&guest{address: fmt.Sprint("school ", n)})
	}
	if !q.drop(flood[1]) || q.drop(flood[1]) {
		t.Error("who has gone is dropped once")
	}
	full := ""
	room := func(address string) bool { return address != full }
	var order []string
	for range 4 {
		order = append(order, q.leave(room).address)
	}
	if got := fmt.Sprint(order); got != "[flood school 0 school 1 school 2]" {
		t.Errorf("in came %s", got)
	}
	if g := q.leave(room); g != flood[2] {
		t.Error("an address's own are not in order")
	}
	if full = "flood"; q.leave(room) != nil {
		t.Error("an address came in that has no room")
	}
	if q.len != 97 || len(q.lines) != 1 || len(q.turns) != 1 {
		t.Errorf("left are %d of %d addresses, %d turns", q.len, len(q.lines), len(q.turns))
	}
}

func TestWhoWaitsTooLongIsClosedAndForgotten(t *testing.T) {
	l := listenLimited(t, connLimits{all: 10, strangers: 1, perAddress: 1, queue: 1})
	first := dialTo(t, l)
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	dialTo(t, l)
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.(*guest).await(time.Hour); err != nil {
		t.Error(err)
	}
	if err := b.(*guest).await(time.Millisecond); !errors.Is(err, errTooMany) {
		t.Errorf("got %v, want %v", err, errTooMany)
	}
	_ = b.Close() // as gRPC does
	if got := l.counted(); got != (counts{1, 1, 1, 0}) {
		t.Errorf("counted %+v", got)
	}
	dialTo(t, l)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	_ = a.Close()
	if err := c.(*guest).await(time.Hour); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	if got := l.counted(); got != (counts{}) {
		t.Errorf("at the end: %+v", got)
	}
}

// TestHandshakesThatGoNowhereDoNotHoldUpTheEnd: gRPC waits for them before it stops.
func TestHandshakesThatGoNowhereDoNotHoldUpTheEnd(t *testing.T) {
	raw := listenLimited(t, connLimits{})
	l := limitAbrupt(raw.Listener, connLimits{all: 10, strangers: 1, perAddress: 1, queue: 5})
	srv := grpc.NewServer(grpc.ConnectionTimeout(time.Hour), grpc.Creds(newKnowing(&tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS13})))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(l)
	}()
	dialTo(t, l) // mute
	dialTo(t, l) // waits behind it
	for l.counted().all < 2 {
		<-time.After(time.Millisecond)
	}
	go srv.Stop()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the server does not stop")
	}
	if got := l.counted(); got != (counts{}) {
		t.Errorf("left: %+v", got)
	}
}
