package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"safelight/agent/enrol"
	"safelight/internal/localstate"
	"safelight/internal/version"
)

// TokenMend is what to do about a device whose enrolment fails.
const TokenMend = "lay the file down again with a token that works: it is looked at every ten seconds, and nothing needs restarting"

// waiting answers on the local socket for an agent that is not enrolled yet: it runs,
// and whoever set the device up asks it why nothing comes of it.
type waiting struct {
	mu  sync.Mutex // guards now
	now enrol.Waiting
}

func (w *waiting) tell(now enrol.Waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *waiting) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	st, now := emptyStatus(), w.now
	st.Running, st.Version, st.Delivery, st.Waiting = true, version.Version, "not enrolled", &now
	return st
}

func (w *waiting) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != "/status" {
		http.Error(rw, "this device is not enrolled yet; `safelight-agent status` says what it waits for", http.StatusConflict)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(w.status()) // the asker left: nobody to tell
}

// waitEnrolled enrols by file, and answers meanwhile.
func waitEnrolled(ctx context.Context, o Options) error {
	l, err := localstate.Listen(socketPath(o.Dir))
	if err != nil {
		return err
	}
	w := &waiting{now: enrol.Waiting{File: o.EnrolFile}}
	srv := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	ask := enrol.Request{Dir: o.Dir, Version: version.Version, Now: time.Now}
	err = enrol.FromFile(ctx, o.EnrolFile, ask, rand.Float64, w.tell, o.Log)
	_ = srv.Close() // its one listener, and who is still there has been answered or asks again
	if serving := <-served; !errors.Is(serving, http.ErrServerClosed) {
		return errors.Join(err, fmt.Errorf("answering on the local socket: %w", serving))
	}
	return err
}
