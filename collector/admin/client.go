package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Client calls verbs: over the admin socket, or on a handler in this process.
type Client struct {
	transport http.RoundTripper
}

// Over makes a client that dials the admin socket.
func Over(dial func() (net.Conn, error)) *Client {
	return &Client{&http.Transport{
		DisableKeepAlives: true, // a command asks once
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial() },
	}}
}

// On makes a client that calls a handler directly, as the named caller.
func On(h http.Handler, caller string) *Client { return &Client{direct{h, caller}} }

type direct struct {
	handler http.Handler
	caller  string
}

// RoundTrip runs the handler beside the reader of its answer, so that a long
// answer is never held whole. Closing the answer waits for the handler.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in, out := io.Pipe()
	a := &answer{
		header: http.Header{}, resp: &http.Response{Trailer: http.Header{}, Request: r},
		begun: make(chan struct{}), ended: make(chan struct{}), out: out,
	}
	a.resp.Body = &answerBody{in, a.ended}
	go func() {
		defer close(a.ended)
		d.handler.ServeHTTP(a, r.WithContext(WithCaller(r.Context(), d.caller)))
		a.WriteHeader(http.StatusOK)
		for name := range strings.SplitSeq(a.header.Get("Trailer"), ",") {
			a.resp.Trailer.Set(name, a.header.Get(name))
		}
		_ = out.Close() // a pipe's end has no error
	}()
	<-a.begun
	return a.resp, nil
}

// answer hands what a handler writes to the reader of the response.
type answer struct {
	header       http.Header // the handler's; the response has a copy
	resp         *http.Response
	out          *io.PipeWriter
	begun, ended chan struct{}
	once         sync.Once
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	a.once.Do(func() {
		a.resp.Header = a.header.Clone()
		a.resp.StatusCode, a.resp.Status = code, fmt.Sprintf("%d %s", code, http.StatusText(code))
		close(a.begun)
	})
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.out.Write(p)
}

type answerBody struct {
	*io.PipeReader
	ended <-chan struct{}
}

func (b *answerBody) Close() error {
	err := b.PipeReader.Close()
	<-b.ended
	return err
}

// Call sends a request and hands each line of the answer to each.
func (c *Client) Call(ctx context.Context, verb string, req any, each func(line json.RawMessage) error) error {
	resp, err := c.ask(ctx, verb, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := each(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the collector's answer: %w", err)
		}
	}
}

// ask sends a request and returns the answer, unless it is a refusal.
func (c *Client) ask(ctx context.Context, verb string, req any) (*http.Response, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/v1/"+verb, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("asking the collector: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refused(resp)
	}
	return resp, nil
}

func refused(resp *http.Response) error {
	var f failure
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
		return fmt.Errorf("the collector answered %s", resp.Status)
	}
	return errors.New(f.Error)
}
