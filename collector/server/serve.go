package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"safelight/collector/admin"
	"safelight/internal/localstate"
	safelightv1 "safelight/proto/safelight/v1"
)

// Limits on what one agent's connection may ask for.
const (
	maxMessage       = 1 << 20 // twice what an agent sends at most
	maxStreams       = 16
	maxHeaders       = 8 << 10 // gRPC's own bound is 16 MB a stream
	handshakeTimeout = 10 * time.Second
	// A connection ends after this long, give or take a tenth, so that devices
	// spread over collectors again.
	connectionAge = 6 * time.Hour
	// askedAtMost is how often a device may ask whether the line still stands; the
	// shortest keepalive that agent.yaml takes is two seconds more.
	askedAtMost = 8 * time.Second
	// receiveWindow is how much one connection may have under way to us.
	receiveWindow = 256 << 10
)

// grpcServer is the agents' listener's.
func grpcServer(p *parts) *grpc.Server {
	srv := grpc.NewServer(
		grpc.Creds(newKnowing(p.gate.TLS(p.authority))),
		grpc.UnaryInterceptor(p.gate.Unary),
		grpc.StreamInterceptor(p.gate.Stream),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(handshakeTimeout),
		// A few thousand devices stay connected all day, mostly silent: what is
		// read has TLS's own buffer, and write buffers come from a shared pool.
		grpc.ReadBufferSize(0),
		// Windows that do not grow: to learn how far they might, gRPC sends a
		// ping with nearly every message, which costs a third of all there is.
		grpc.StaticStreamWindowSize(receiveWindow), grpc.StaticConnWindowSize(receiveWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: 2 * time.Minute, Timeout: 20 * time.Second, MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: time.Minute,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: askedAtMost, PermitWithoutStream: true}),
	)
	safelightv1.RegisterEnrolmentServiceServer(srv, p.enrol)
	safelightv1.RegisterAgentServiceServer(srv, agentService{p: p})
	return srv
}

// agentService joins the rooms that answer agents.
type agentService struct {
	safelightv1.UnimplementedAgentServiceServer
	p *parts
}

func (a agentService) Ship(s safelightv1.AgentService_ShipServer) error { return a.p.ingest.Ship(s) }

func (a agentService) Watch(s safelightv1.AgentService_WatchServer) error { return a.p.watch.Watch(s) }

func (a agentService) FetchBlob(req *safelightv1.FetchBlobRequest, s safelightv1.AgentService_FetchBlobServer) error {
	return a.p.watch.FetchBlob(req, s)
}

func (a agentService) ResolveAccount(ctx context.Context, req *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	return a.p.watch.ResolveAccount(ctx, req)
}

const (
	// drainFor is how long what devices have sent may take to be stored and answered
	// while the collector stops; it is a good part of grace, in which all must stop.
	drainFor = 2 * time.Second
	// lastWords is how long the last answers may take to leave for the network: gRPC
	// writes them some microseconds after they are sent, and does not say when.
	lastWords = 100 * time.Millisecond
)

// serveGRPC serves until ctx ends, and then until drain returns. Streams live for
// hours, so there is nothing to be gained by waiting for them; but what was stored is
// answered first, or it would be sent again.
func serveGRPC(srv *grpc.Server, l net.Listener, drain func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(l) }()
		select {
		case err := <-ended:
			return fmt.Errorf("serving agents: %w", err)
		case <-ctx.Done():
		}
		stopGRPC(ctx, srv, drain)
		if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fmt.Errorf("serving agents: %w", err)
		}
		return nil
	}
}

func stopGRPC(ctx context.Context, srv *grpc.Server, drain func(context.Context)) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		srv.GracefulStop() // nobody new, and every stream is told
	}()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	drain(wait)
	cancel()
	last := time.NewTimer(lastWords)
	defer last.Stop()
	select {
	case <-gone:
	case <-last.C:
	}
	srv.Stop()
	<-gone
}

// serveHTTP serves until ctx ends and gives what is under way a moment.
func serveHTTP(srv *http.Server, l net.Listener) func(context.Context) error {
	srv.ReadTimeout = 30 * time.Second
	if srv.IdleTimeout == 0 {
		srv.IdleTimeout = 2 * time.Minute
	}
	return func(ctx context.Context) error {
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(l) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		wait, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := srv.Shutdown(wait); err != nil {
			return srv.Close()
		}
		return nil
	}
}

// consoleTLS is the school's certificate, read anew for each handshake so that
// a renewed one needs no restart, or the collector's own.
func consoleTLS(conf HTTPSConfig, own tls.Certificate) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if conf.Cert == "" {
		c.Certificates = []tls.Certificate{own}
		return c, nil
	}
	if _, err := tls.LoadX509KeyPair(conf.Cert, conf.Key); err != nil {
		return nil, fmt.Errorf("reading the console's certificate: https.cert, https.key: %w", err)
	}
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(conf.Cert, conf.Key)
		return &pair, err
	}
	return c, nil
}

func adminSocket(dir string) string { return filepath.Join(dir, "admin.sock") }

// quietLog hands net/http's own complaints (failed handshakes, mostly) to the
// log as debugging.
func quietLog(log *slog.Logger) *http.Server {
	return &http.Server{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ReadHeaderTimeout: handshakeTimeout}
}

// adminServer serves the verbs on the owner-only socket; each connection's
// operating-system user is asked of the system, not of the caller.
func adminServer(a *admin.Admin, log *slog.Logger) *http.Server {
	srv := quietLog(log)
	srv.Handler = a.Handler()
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return admin.WithCaller(ctx, localstate.Peer(c))
	}
	return srv
}

// AdminClient reaches the verbs of the collector on dir: the running one's
// socket, or, where none runs, the store itself, locked until done is called.
func AdminClient(ctx context.Context, dir string) (client *admin.Client, done func(), err error) {
	if _, err := os.Stat(configFile(dir)); err != nil {
		return nil, nil, fmt.Errorf("no collector in %s: %w; run `safelight-collector init` first, or give --dir", dir, err)
	}
	path := adminSocket(dir)
	conn, err := localstate.Dial(path)
	if err == nil {
		_ = conn.Close() // only asked whether somebody is there
		return admin.Over(func() (net.Conn, error) { return localstate.Dial(path) }), func() {}, nil
	}
	if !errors.Is(err, localstate.ErrNotRunning) {
		return nil, nil, err
	}
	return offlineClient(ctx, dir)
}

func offlineClient(ctx context.Context, dir string) (*admin.Client, func(), error) {
	unlock, err := localstate.Lock(dir)
	if err != nil {
		return nil, nil, err
	}
	conf, err := ReadConfig(dir)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	s, err := openState(ctx, dir, conf, time.Now)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	if err := s.openRecord(ctx, time.Now, quiet, nil); err != nil {
		_ = s.close()
		unlock()
		return nil, nil, err
	}
	devices, err := s.storedFleet(ctx, conf, quiet)
	if err != nil {
		_ = s.close()
		unlock()
		return nil, nil, err
	}
	verbs, err := adminVerbs(ctx, conf, s, devices, func() {}, time.Now, quiet)
	if err != nil {
		_ = s.close()
		unlock()
		return nil, nil, err
	}
	return admin.On(verbs.Handler(), localstate.Self()), func() { _ = s.close(); unlock() }, nil
}
