package network

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"safelight/internal/event"
)

func TestG10ANameThatIsOnlyAskedForIsAnAttempt(t *testing.T) {
	if !namespace(t) {
		return
	}
	addElsewhere(t)
	answering(t, elsewhere)
	_, out := watching(t, Config{Grace: time.Second})
	ask(t, "Asked.Example.org.", dnsmessage.TypeA)
	ask(t, "asked.example.org.", dnsmessage.TypeAAAA)
	ask(t, "9.0.0.127.in-addr.arpa.", dnsmessage.TypePTR)
	o := out.next(t)
	if o.Name != "asked.example.org" || o.Via != event.ViaDNS || !o.Attempt || o.Server != "127.0.0.53:53" || o.Count != 2 {
		t.Errorf("saw %+v", o)
	}
	// The same with a connection to what was answered is none, whatever is said on it.
	l, err := net.Listen("tcp", elsewhere+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ask(t, "used.example.org.", dnsmessage.TypeA)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if o := out.next(t); o.Name != "used.example.org" || o.Attempt {
		t.Errorf("saw %+v; want no attempt", o)
	}
	out.nothing(t)
}

func TestG10ANameThatASinkHoleAnswersIsAnAttempt(t *testing.T) {
	if !namespace(t) {
		return
	}
	answering(t, "127.0.0.9")
	_, out := watching(t, Config{Grace: time.Second})
	l, err := net.Listen("tcp", "127.0.0.9:0") // where a filter's page might be
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ask(t, "blocked.example.org.", dnsmessage.TypeA)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if o := out.next(t); o.Name != "blocked.example.org" || !o.Attempt {
		t.Errorf("saw %+v; want an attempt", o)
	}
}

func TestG10AConnectionThatIsRefusedIsAnAttempt(t *testing.T) {
	if !namespace(t) {
		return
	}
	addElsewhere(t)
	answering(t, elsewhere)
	_, out := watching(t, Config{Grace: time.Second})
	ask(t, "refused.example.org.", dnsmessage.TypeA)
	if conn, err := net.Dial("tcp", elsewhere+":9"); err == nil {
		conn.Close()
		t.Fatal("somebody listens there")
	}
	if o := out.next(t); o.Name != "refused.example.org" || o.Via != event.ViaDNS || !o.Attempt {
		t.Errorf("saw %+v; want an attempt", o)
	}
}

// A filter that does not like a name answers the hello with a reset.
func TestG10AHelloThatIsCutOffIsAnAttempt(t *testing.T) {
	if !namespace(t) {
		return
	}
	for network, addr := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		l, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, out := watching(t, Config{})
		done := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Read(make([]byte, 4096))
				err = c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			done <- err
		}()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if tls.Client(conn, &tls.Config{ServerName: "cut.example.org", InsecureSkipVerify: true}).Handshake() == nil {
			t.Fatal("the handshake was not cut off")
		}
		conn.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if o := out.next(t); o.Name != "cut.example.org" || o.Via != event.ViaTLS || !o.Attempt {
			t.Errorf("%s: saw %+v; want an attempt", network, o)
		}
	}
}
