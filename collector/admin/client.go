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

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &answer{header: http.Header{}, code: http.StatusOK}
	d.handler.ServeHTTP(a, r.WithContext(WithCaller(r.Context(), d.caller)))
	return &http.Response{
		StatusCode: a.code, Status: fmt.Sprintf("%d %s", a.code, http.StatusText(a.code)), Header: a.header,
		Body: io.NopCloser(&a.body), Request: r,
	}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// Call sends a request and hands each line of the answer to each.
func (c *Client) Call(ctx context.Context, verb string, req any, each func(line json.RawMessage) error) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/v1/"+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("asking the collector: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refused(resp)
	}
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

func refused(resp *http.Response) error {
	var f failure
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
		return fmt.Errorf("the collector answered %s", resp.Status)
	}
	return errors.New(f.Error)
}
