package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// peerCosts is what others spend on the same traffic, as the table shows it.
type peerCosts struct{ hello, dns, bulk string }

// peers has a bare reader of a TPACKET_V3 ring and tshark watch each traffic.
func (c *cable) peers(ctx context.Context) (peerCosts, error) {
	var costs peerCosts
	for _, one := range []struct {
		into   *string
		pieces int
		filter string
		args   []string
	}{
		{&costs.hello, hellosMade, "tls.handshake.extensions_server_name", []string{"hello", fmt.Sprint(hellosMade), farAddr + ":443"}},
		{&costs.dns, 2 * questionsMade, "dns.qry.name", []string{"dns", fmt.Sprint(questionsMade), farAddr + ":53"}},
		{&costs.bulk, 0, "tls.handshake.extensions_server_name", []string{"upload", fmt.Sprint(uploaded), farAddr + ":444"}},
	} {
		bare, err := c.bare(ctx, one.pieces, one.args)
		if err != nil {
			return costs, err
		}
		shark, err := c.tshark(ctx, one.pieces, one.filter, one.args)
		if err != nil {
			return costs, err
		}
		*one.into = bare + "; " + shark
	}
	return costs, nil
}

// bare reads all packets and looks at none.
func (c *cable) bare(ctx context.Context, pieces int, args []string) (string, error) {
	ring, err := c.start(ctx, &syscall.SysProcAttr{}, "ring", "near")
	if err != nil {
		return "", err
	}
	if err := c.make(ctx, args...); err != nil {
		return "", errors.Join(err, ring.stop())
	}
	if err := pause(ctx, time.Second); err != nil {
		return "", errors.Join(err, ring.stop())
	}
	words, err := ring.end()
	if err != nil {
		return "", err
	}
	var packets, drops, micros int
	if _, err := fmt.Sscan(words, &packets, &drops, &micros); err != nil {
		return "", fmt.Errorf("reading what the bare ring said: %w", err)
	}
	return fmt.Sprintf("bare TPACKET_V3 %s, %d of %d packets dropped", each(float64(micros)/1e6, pieces), drops, packets+drops), nil
}

func each(seconds float64, pieces int) string {
	if pieces == 0 {
		return fmt.Sprintf("%d ms", int(seconds*1e3))
	}
	return perPiece(seconds, pieces)
}

// tshark prints the names.
func (c *cable) tshark(ctx context.Context, pieces int, filter string, args []string) (string, error) {
	path, err := exec.LookPath("tshark")
	if err != nil {
		return "tshark is not installed", nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-i", "near", "-n", "-l", "-Y", filter, "-T", "fields", "-e", filter)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	said := &untilSaid{word: "Capturing", seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &out, said
	if err := cmd.Start(); err != nil {
		return "", err
	}
	select {
	case <-said.seen:
	case <-time.After(20 * time.Second):
		return "tshark did not begin", errors.Join(cmd.Process.Kill(), cmd.Wait())
	}
	if err := errors.Join(pause(ctx, 2*time.Second), c.make(ctx, args...), pause(ctx, 5*time.Second)); err != nil {
		return "", err
	}
	cancel()
	_ = cmd.Wait() // interrupted, as was meant
	use := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return fmt.Sprintf("tshark %s, %d names", each(use.Seconds(), pieces), bytes.Count(out.Bytes(), []byte("\n"))), nil
}

// untilSaid waits for a word on a program's standard error.
type untilSaid struct {
	word string
	text strings.Builder
	done bool
	seen chan struct{}
}

func (u *untilSaid) Write(b []byte) (int, error) {
	if !u.done {
		u.text.Write(b)
		if strings.Contains(u.text.String(), u.word) {
			u.done = true
			close(u.seen)
		}
	}
	return len(b), nil
}
