// Package trialschool makes a trial school of invented people with the two real
// programs, in a folder, on loopback: what the demo, the benchmarks and the
// end-to-end tests stand on. It is no part of the product.
package trialschool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Once runs a verb to its end and returns what it printed.
func Once(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running %s %s: %w: %s", name, args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// Program is one that stays.
type Program struct {
	name string
	cmd  *exec.Cmd
	done chan error

	mu  sync.Mutex // guards log
	log []string   // every line
}

// Patience is how long anything may take before it has failed.
const Patience = time.Minute

// Start runs a program and waits until it logs a line with the word. An empty
// word waits for nothing. What ends by itself is sent to ended, if there is room.
func Start(ctx context.Context, ended chan<- error, word, name string, args ...string) (*Program, error) {
	r := &Program{name: name, cmd: exec.Command(name, args...), done: make(chan error, 1)}
	r.cmd.SysProcAttr = apart() // our Ctrl-C is not theirs: we stop them in order
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
	wait := time.NewTimer(Patience)
	defer wait.Stop()
	select {
	case <-ready:
		return r, nil
	case err := <-r.done:
		return nil, err
	case <-wait.C:
		return r, fmt.Errorf("%s is not ready after %s; its last words:\n%s", name, Patience, r.lastWords())
	case <-ctx.Done():
		return r, ctx.Err()
	}
}

func (r *Program) follow(logs io.Reader, word string, ready chan struct{}, ended chan<- error) {
	found := false
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		r.mu.Lock()
		r.log = append(r.log, lines.Text())
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

// Log is everything it has logged.
func (r *Program) Log() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

func (r *Program) lastWords() string {
	all := r.Log()
	return strings.Join(all[max(0, len(all)-10):], "\n")
}

// Kill ends it as a power cut would, and waits until it is gone.
func (r *Program) Kill() {
	_ = r.cmd.Process.Kill() // it may have ended already
	<-r.done
}

// Pid is its process id.
func (r *Program) Pid() int { return r.cmd.Process.Pid }

// Stop asks it to end, and ends it if it does not.
func (r *Program) Stop() error {
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
