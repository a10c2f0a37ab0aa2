package lists

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"safelight/collector/model"
)

// connections counts who connects.
type connections struct {
	net.Listener
	n *atomic.Int64
}

func (c connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// A list's maker must not have the collector ask what only the server can reach.
func TestASourceDoesNotLeadIntoTheSchoolsOwnNetwork(t *testing.T) {
	var reached atomic.Int64
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside.example\n") }))
	other, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("no second loopback address here: %v", err)
	}
	_ = inside.Listener.Close()
	inside.Listener = connections{other, &reached}
	inside.StartTLS()
	t.Cleanup(inside.Close)
	port := inside.Listener.Addr().(*net.TCPAddr).Port

	var to atomic.Pointer[string]
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if where := to.Load(); where != nil {
			http.Redirect(w, r, *where, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "a.example\n")
	}))
	t.Cleanup(source.Close)
	f := newFetcher(nil, "test", time.Now)
	ask := func() error {
		got, err := f.once(t.Context(), domainsFrom("bets", source.URL), model.List{}, true, t.TempDir(), DefaultLimits, func(Step) error { return nil })
		if err == nil {
			must(t, got.close())
		}
		return err
	}
	if err := ask(); err != nil { // the subscription itself names loopback
		t.Errorf("a source in the school's network, as its subscription says: %v", err)
	}
	for _, host := range []string{"127.0.0.2", "[::ffff:127.0.0.2]"} {
		where := (&url.URL{Scheme: "https", Host: net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))}).String()
		to.Store(&where)
		if err := ask(); !errors.Is(err, errPrivate) {
			t.Errorf("a redirect to %s: %v", where, err)
		}
	}
	// As by a name that resolves to such an address.
	if _, err := dialPublic(t.Context(), "tcp", other.Addr().String()); !errors.Is(err, errPrivate) {
		t.Errorf("dialled: %v", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

func TestWhichAddressesArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"9.9.9.9": true, "2620:fe::fe": true, "172.32.0.1": true, "::ffff:9.9.9.9": true,
		"10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fd00::1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::": false, "fec0::1": false, "ff02::1": false, "::7f00:1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
