package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// once runs a verb to its end and returns what it printed.
func once(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running %s %s: %w: %s", name, args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// running is a program that stays.
type running struct {
	name string
	cmd  *exec.Cmd
	done chan error

	mu   sync.Mutex // guards tail
	tail []string   // the last lines it logged
}

// start runs a program and waits until it logs a line with the word. An empty
// word waits for nothing.
func start(ctx context.Context, ended chan<- error, word, name string, args ...string) (*running, error) {
	r := &running{name: name, cmd: exec.Command(name, args...), done: make(chan error, 1)}
	// Our Ctrl-C is not theirs: we stop them in order.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	logs, err := r.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w; run `make build` first", name, err)
	}
	ready := make(chan struct{})
	go r.follow(logs, word, ready, ended)
	if word == "" {
		return r, nil
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-ready:
		return r, nil
	case err := <-r.done:
		return nil, err
	case <-wait.C:
		return r, fmt.Errorf("%s is not ready after %s; its last words:\n%s", name, patience, r.lastWords())
	case <-ctx.Done():
		return r, ctx.Err()
	}
}

func (r *running) follow(logs io.Reader, word string, ready chan struct{}, ended chan<- error) {
	found := false
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		r.mu.Lock()
		r.tail = append(r.tail[max(0, len(r.tail)-9):], lines.Text())
		r.mu.Unlock()
		if !found && word != "" && strings.Contains(lines.Text(), word) {
			found = true
			close(ready)
		}
	}
	err := r.cmd.Wait()
	err = fmt.Errorf("%s ended: %w; its last words:\n%s", r.name, orEarly(err), r.lastWords())
	r.done <- err
	select {
	case ended <- err:
	default: // somebody else was first
	}
}

func orEarly(err error) error {
	if err == nil {
		return errors.New("by itself")
	}
	return err
}

func (r *running) lastWords() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.tail, "\n")
}

// stop asks it to end, and ends it if it does not.
func (r *running) stop() error {
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	wait := time.NewTimer(8 * time.Second)
	defer wait.Stop()
	select {
	case <-r.done:
		return nil
	case <-wait.C:
		_ = r.cmd.Process.Signal(os.Kill)
		return fmt.Errorf("%s did not stop when asked; it was killed", r.name)
	}
}
