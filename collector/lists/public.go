package lists

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// errPrivate is about a source that sends the collector into the school's own
// network: who runs a list is not to ask that what only the server can reach.
var errPrivate = errors.New("it leads to an address that is not a public one and that its subscription does not name: it is not followed")

// route is one fetch's: which hosts it may reach wherever they lie.
type route struct {
	own   string                 // that the subscription names
	proxy atomic.Pointer[string] // that the system's settings name; nil: none
}

type routeKey struct{}

// routed is a context for fetching what a subscription names.
func routed(ctx context.Context, where *url.URL) context.Context {
	return context.WithValue(ctx, routeKey{}, &route{own: where.Hostname()})
}

// trusts says whether somebody who may set up a collector named the host.
func (r *route) trusts(host string) bool {
	if r == nil {
		return false
	}
	proxy := r.proxy.Load()
	return strings.EqualFold(host, r.own) || proxy != nil && strings.EqualFold(host, *proxy)
}

func routeOf(ctx context.Context) *route {
	r, _ := ctx.Value(routeKey{}).(*route)
	return r
}

// dialPublic dials as net.Dialer does, and no address that is not public, unless
// the host is one that the fetch's route trusts. It looks at what is dialled: a name
// may have been given another address since it was last asked for.
func dialPublic(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !routeOf(ctx).trusts(host) {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, address)
}

// viaProxy is the system's proxy for a request. A proxy may lie in the school's
// network.
func viaProxy(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if way := routeOf(r.Context()); way != nil {
		way.proxy.Store(nil)
		if proxy != nil {
			host := proxy.Hostname()
			way.proxy.Store(&host)
		}
	}
	return proxy, err
}

// ledAstray says whether a redirect names an address that is not public: a proxy
// would dial it, and not this program.
func ledAstray(r *http.Request) bool {
	host := r.URL.Hostname()
	addr, err := netip.ParseAddr(host)
	return err == nil && !public(addr) && !routeOf(r.Context()).trusts(host)
}

// special are the ranges that are no one's on the internet, beside those that
// netip knows (RFC 6890 and its registries); with them those in which an IPv4
// address stands within an IPv6 one.
var special = func() (all []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

// public says whether an address is one of the internet's.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
