package selfcheck

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestAPlainRequestSaysTheNameAsABrowserWould(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	must(t, err)
	defer l.Close()
	host := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			host <- req.Host + req.URL.Path
		}
		close(host)
	}()
	must(t, askPlainly(t.Context(), l.Addr().String(), "http.0123."+Domain))
	if got := <-host; got != "http.0123."+Domain+"/" {
		t.Errorf("whoever listens reads %q", got)
	}
}

// A collector speaks TLS alone: it hangs up on such a request, whose name has
// gone by then.
func TestARequestThatIsHungUpOnWasSent(t *testing.T) {
	must(t, askPlainlyHere(t.Context(), "http-here.0123."+Domain))
	must(t, greetHere(t.Context(), "tls-here.0123."+Domain))
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	if err := askPlainly(t.Context(), address, "http.0123."+Domain); err == nil || !strings.Contains(err.Error(), "HTTP request") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestWhoeverComesFirstToTheLoopbackAndSaysNothingHoldsUpNoCheck(t *testing.T) {
	must(t, onLoopback(t.Context(), func(address string) error {
		c, err := net.Dial("tcp", address) //nolint:noctx // a test's own
		if err == nil {
			t.Cleanup(func() { _ = c.Close() }) // after onLoopback has returned
		}
		return err
	}))
}

func TestWhoeverNeverAnswersHoldsUpNoCheck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	must(t, err)
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, c) // until the other side ends it, for this one never does
		_ = c.Close()
	}()
	must(t, askPlainly(t.Context(), l.Addr().String(), "http.0123."+Domain))
	<-ended
}
