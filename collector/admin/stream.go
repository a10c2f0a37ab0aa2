package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Stream sends a request whose answer is bytes, and returns them as they come,
// with about how many there will be. Where the collector could not finish, the
// last read says why. The caller closes the answer.
func (c *Client) Stream(ctx context.Context, verb string, req any) (io.ReadCloser, int64, error) {
	resp, err := c.ask(ctx, verb, req) //nolint:bodyclose // the caller closes the answer
	if err != nil {
		return nil, 0, err
	}
	size, err := strconv.ParseInt(resp.Header.Get(sizeHeader), 10, 64)
	if err != nil {
		size = 0 // only progress hangs on it
	}
	return &whole{resp}, size, nil
}

// whole is an answer that knows whether it came to its end.
type whole struct{ resp *http.Response }

func (b *whole) Read(p []byte) (int, error) {
	n, err := b.resp.Body.Read(p)
	if !errors.Is(err, io.EOF) {
		if err != nil {
			err = fmt.Errorf("reading the collector's answer: %w", err)
		}
		return n, err
	}
	if why := b.resp.Trailer.Get(errorTrailer); why != "" {
		if text, err := strconv.Unquote(why); err == nil {
			why = text
		}
		return n, errors.New(why)
	}
	return n, io.EOF
}

func (b *whole) Close() error { return b.resp.Body.Close() }
