package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"safelight/agent/enrol"
	"safelight/internal/event"
	"safelight/internal/trialschool"
	"safelight/internal/wire"
)

// enrolMany enrols devices and returns a connection of each.
func enrolMany(ctx context.Context, s *trialschool.School, n int) ([]*grpc.ClientConn, error) {
	var token struct {
		Token string `json:"token"`
	}
	if err := s.Ask(ctx, &token, "token", "create", "--uses", fmt.Sprint(n)); err != nil {
		return nil, err
	}
	conns := make([]*grpc.ClientConn, n)
	for i := range conns {
		dir := filepath.Join(s.Dir, fmt.Sprintf("device-%d", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
		id, err := enrol.Enrol(ctx, enrol.Request{Dir: dir, Token: token.Token, AsNew: true, Version: "bench", Now: time.Now})
		if err != nil {
			return nil, err
		}
		conf, err := id.TLS(time.Now)
		if err != nil {
			return nil, err
		}
		conns[i], err = grpc.NewClient("passthrough:///"+s.AgentsAddr, grpc.WithTransportCredentials(credentials.NewTLS(conf)),
			// As the agent's own connection is.
			grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10),
			grpc.WithStaticStreamWindowSize(256<<10), grpc.WithStaticConnWindowSize(256<<10))
		if err != nil {
			return nil, err
		}
	}
	return conns, nil
}

// record is a typical event's bytes.
func record(severity event.Severity, i int) []byte {
	id, err := wire.NewID()
	if err != nil {
		return nil
	}
	now := time.Now()
	data, err := wire.Marshal(wire.Event{
		ID: id, BootID: "bench", Mono: time.Duration(now.UnixNano()),
		Observation: event.Observation{
			Time: now, Kind: event.Domain, Name: "n1.flagged.example", Via: event.ViaTLS, PID: 4321, Process: "firefox",
			Exe: "/usr/lib/firefox/firefox", User: pupil(i), Client: "10.0.0.9:40000", Server: "203.0.113.9:443",
		},
		Rule: "numbered/flagged.example", Category: "numbered", Severity: severity, Pack: "numbered 1",
		Match: "flagged.example", Why: "a site on the numbered sites list was asked for", NotSeen: []string{"the page: only the site's name was seen"},
		Role: "pupil", PolicyEpoch: 1, PolicySerial: 1,
	})
	if err != nil {
		return nil
	}
	return data
}
