package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"safelight/agent/enrol"
	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/watch"
	"safelight/internal/localstate"
)

// Status is what `safelight-agent status` prints. It holds no names, hosts or
// words: the person whose device it is may read it (G3).
type Status struct {
	Running   bool           `json:"running"`
	Version   string         `json:"version"`
	Enrolled  bool           `json:"enrolled"`
	Device    string         `json:"device,omitempty"`
	Connected bool           `json:"connected"`
	Refused   *watch.Refusal `json:"refused,omitempty"`
	// Waiting is how the enrolment stands of an agent that runs and has none.
	Waiting     *enrol.Waiting     `json:"waiting,omitempty"`
	Delivery    string             `json:"delivery"`
	CertExpires *time.Time         `json:"certificate_expires,omitempty"`
	Renewal     *enrol.RenewStatus `json:"renewal,omitempty"`
	Policy      *PolicyStatus      `json:"policy"`
	// Overlays are the serials held of exemptions, timetable and sites.
	Overlays    map[string]uint64 `json:"overlays,omitempty"`
	Sources     []source.Status   `json:"sources"`
	Judged      pipeline.Counts   `json:"judging"`
	Coverage    Coverage          `json:"coverage"`
	Spool       SpoolStatus       `json:"spool"`
	CPUSeconds  float64           `json:"cpu_seconds"`
	MemoryBytes uint64            `json:"memory_bytes"`
}

// PolicyStatus says which rules are judged by.
type PolicyStatus struct {
	Epoch      uint64 `json:"epoch"`
	Serial     uint64 `json:"serial"`
	AgeSeconds int64  `json:"age_seconds"`
}

// SpoolStatus says what waits to be sent.
type SpoolStatus struct {
	Lanes       []LaneStatus `json:"lanes"`
	DiskBytes   int64        `json:"disk_bytes"`
	MaxBytes    int64        `json:"max_bytes"`
	Quarantined uint64       `json:"quarantined"`
	Tombstones  int          `json:"tombstones"`
}

// LaneStatus is one severity's lane.
type LaneStatus struct {
	Lane    string `json:"lane"`
	Depth   uint64 `json:"depth"`
	Bytes   int64  `json:"bytes"`
	Dropped uint64 `json:"dropped"`
}

func socketPath(dir string) string { return filepath.Join(dir, "status.sock") }

// ReadStatus asks the agent that runs on dir; where none runs, it says what the
// folder alone tells.
func ReadStatus(ctx context.Context, dir string) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var st Status
	err := askLocal(ctx, dir, http.MethodGet, "/status", nil, &st)
	if errors.Is(err, localstate.ErrNotRunning) {
		return stoppedStatus(dir)
	}
	if err != nil {
		return Status{}, fmt.Errorf("reading the status: %w", err)
	}
	return st, nil
}

// emptyStatus is one without any part of an agent.
func emptyStatus() Status {
	return Status{Sources: []source.Status{}, Coverage: coverageOf(nil, pipeline.Counts{}, 0), Spool: SpoolStatus{Lanes: []LaneStatus{}}}
}

func stoppedStatus(dir string) (Status, error) {
	st := emptyStatus()
	st.Delivery = "stopped"
	id, err := enrol.Load(dir)
	if errors.Is(err, enrol.ErrNotEnrolled) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	expires := id.Expires().UTC()
	st.Enrolled, st.Device, st.CertExpires = true, id.DeviceID, &expires
	st.Refused = readRefusal(dir, id.DeviceID)
	return st, nil
}

// serveLocal answers on the local socket until ctx ends.
func serveLocal(ctx context.Context, l net.Listener, a *agent) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a.status()) // the asker left: nobody to tell
	})
	mux.HandleFunc("POST /selfcheck", a.serveCheck)
	mux.HandleFunc("POST /goodbye", a.serveGoodbye)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering on the local socket: %w", err)
	}
	return nil
}
