package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// Line is what is known of a connection once its handshake is over.
type Line struct {
	credentials.TLSInfo
	conn net.Conn
}

// Known says whether the other side has shown a certificate that was verified.
func (l Line) Known() bool { return len(l.State.PeerCertificates) > 0 }

// lines is TLS whose connections the gate can close.
type lines struct {
	credentials.TransportCredentials
}

// Credentials are TLS for the agents' listener, as conf says. The gate's
// interceptors work over no others.
func Credentials(conf *tls.Config) credentials.TransportCredentials {
	return lines{credentials.NewTLS(conf)}
}

// ServerHandshake implements credentials.TransportCredentials.
func (l lines) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := l.TransportCredentials.ServerHandshake(c)
	if err != nil {
		return nil, nil, err
	}
	known, ok := info.(credentials.TLSInfo)
	if !ok {
		_ = secure.Close()
		return nil, nil, errors.New("the handshake told nothing of the connection")
	}
	return secure, Line{known, c}, nil
}

// Clone implements credentials.TransportCredentials.
func (l lines) Clone() credentials.TransportCredentials {
	return lines{l.TransportCredentials.Clone()}
}

// openStream is a stream that can be ended from outside. It costs no goroutine:
// thousands stay open all day, each in its handler's Recv.
type openStream struct {
	device  string
	method  string
	expires time.Time // of the certificate it was opened with
	key     [32]byte  // SHA-256 of its public key
	conn    net.Conn
	began   time.Time
}

// end closes the connection, and with it all of the device's streams on it: a
// handler that waits for its device, be it to send or to read, sees nothing else.
func (s *openStream) end() { _ = s.conn.Close() } // it may be closed already

// Stream is the interceptor of streams: it also ends them when the device is
// revoked while they are open, or begins too many. The device learns why when it
// calls again.
//
// Its frame stays under the handler for as long as the stream is open, thousands
// of times: what takes room is done in open, whose frame does not.
func (g *Gate) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	s, err := g.open(ss, info.FullMethod)
	if err != nil {
		return err
	}
	defer g.forget(s.stream)
	return next(srv, s)
}

func (g *Gate) open(ss grpc.ServerStream, method string) (*boundStream, error) {
	ctx := ss.Context()
	var v visit
	var err error
	// Verifying takes a deep stack, which this goroutine would then keep.
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = g.admit(ctx, method)
	}()
	if <-done; err != nil {
		return nil, err
	}
	line, _ := lineOf(ctx)
	v.stream = &openStream{device: v.Device, method: method, expires: line.State.PeerCertificates[0].NotAfter, key: sha256.Sum256(line.State.PeerCertificates[0].RawSubjectPublicKeyInfo), conn: line.conn}
	if !g.track(v.stream) {
		return nil, status.Error(codes.ResourceExhausted, "this device began too many streams just now: try again in some seconds")
	}
	return &boundStream{ss, context.WithValue(ctx, visitKey{}, v), v.stream}, nil
}

// boundStream knows whose it is.
type boundStream struct {
	grpc.ServerStream
	ctx    context.Context
	stream *openStream
}

// Context implements grpc.ServerStream.
func (s *boundStream) Context() context.Context { return s.ctx }

// streamLimit is how many streams of one method a device may have open: one, and
// what a bad network has left behind. One more ends the oldest.
const streamLimit = 4

// Stay is how long a stream, and a connection, of a device is left alone before a newer
// one may end it. Copies of one laptop all come as that device: if each newcomer ended
// another at once, three hundred of them would be for ever calling and none would be
// served for long enough to become a device of its own. A network that leaves four
// streams behind in so short a time is waited for as long.
const Stay = 3 * time.Second

// track counts a stream; false: it came too soon after the others.
func (g *Gate) track(s *openStream) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.began = g.now()
	open := append(g.streams[s.device], s)
	of := func(o *openStream) bool { return o.method == s.method }
	if n := slices.IndexFunc(open, of); count(open, of) > streamLimit {
		if age := s.began.Sub(open[n].began); age >= 0 && age < Stay {
			return false
		}
		open[n].end()
		open = slices.Delete(open, n, n+1)
	}
	g.streams[s.device] = open
	if g.revoked[s.device] || g.ended[endedKey{s.device, s.key}] { // since admit looked
		s.end()
	}
	return true
}

func count(all []*openStream, of func(*openStream) bool) (n int) {
	for _, o := range all {
		if of(o) {
			n++
		}
	}
	return n
}

func (g *Gate) forget(s *openStream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := slices.DeleteFunc(g.streams[s.device], func(o *openStream) bool { return o == s })
	if g.streams[s.device] = left; len(left) == 0 {
		delete(g.streams, s.device)
	}
}
