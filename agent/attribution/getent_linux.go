package attribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"time"
)

// getentPaths are where getent is; it is run from nowhere else.
var getentPaths = []string{"/usr/bin/getent", "/bin/getent"}

// getentLimit bounds what is taken from it: one line.
const getentLimit = 4096

// getent asks the system's account services for a uid. Nothing and no error
// means that there is no such account; where there is no getent, it says the
// same.
func getent(ctx context.Context, uid uint32) ([]byte, error) {
	for _, path := range getentPaths {
		out := &limited{}
		cmd := exec.CommandContext(ctx, path, "passwd", strconv.FormatUint(uint64(uid), 10)) //nolint:gosec // fixed paths, a number
		cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
		cmd.Dir = "/"
		cmd.Stdout = out
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return out.b.Bytes(), nil
		case errors.Is(err, fs.ErrNotExist):
			continue
		case ctx.Err() == nil && errors.As(err, &exit) && exit.ExitCode() == 2: // "key not found"
			return nil, nil
		}
		return nil, fmt.Errorf("asking getent for an account: %w", err)
	}
	return nil, nil
}

// limited keeps the beginning of what is written to it.
type limited struct{ b bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := getentLimit - l.b.Len(); room > 0 {
		l.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
