package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"safelight/internal/localstate"
)

// askTime is how long the running agent may take to answer: a check takes ten
// seconds and then waits for the collector.
const askTime = 45 * time.Second

// askLocal asks the agent that runs on dir, and reads its answer into to.
func askLocal(ctx context.Context, dir, method, path string, body, to any) error {
	client := &http.Client{
		Timeout: askTime,
		Transport: &http.Transport{
			DisableKeepAlives: true, // a command asks once
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return localstate.Dial(socketPath(dir))
			},
		},
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // without the address, which is nobody's
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // as far as it came
		return errors.New(strings.TrimSpace(string(said)))
	}
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		return fmt.Errorf("reading the agent's answer: %w", err)
	}
	return nil
}
