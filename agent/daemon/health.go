package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"safelight/agent/health"
	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/localstate"
	"safelight/internal/rules"
	"safelight/internal/version"
)

// buildHealth makes what watches over the agent itself.
func (a *agent) buildHealth(dir string) {
	installed := a.about.Public() != filepath.Join(dir, "public") // in the system's usual places
	a.health = health.New(health.Parts{
		Dir: dir, Version: version.Version, Places: health.SystemPlaces(installed), SleepCounts: health.SleepCounts,
		Clock: readClock, Put: a.putHealth, Own: a.ownNames, Helpline: rules.IsHelpline, Servers: health.Servers, Network: networkName,
		Sources: func() []source.Status { return a.standing(time.Now()) }, Connected: a.watcher.Connected, Names: a.namesSeen,
		Lay: a.about.Lay, Log: a.log,
	})
}

func (a *agent) putHealth(f health.Fact) error {
	data, err := health.Record(f, readClock)
	if err != nil {
		return err
	}
	a.log.Info("a fact about this device is told to the collector", "topic", f.Topic)
	return a.spool.Append([]spool.Record{{Lane: uint8(event.Low), Data: data}}, nil)
}

// ownNames are those that the collector is called by.
func (a *agent) ownNames() (names []string) {
	for _, address := range a.identity.Reach() {
		host, _, err := net.SplitHostPort(address)
		if _, number := netip.ParseAddr(host); err == nil && number != nil {
			names = append(names, strings.ToLower(host))
		}
	}
	return names
}

func (a *agent) namesSeen() (n uint64) {
	for _, s := range a.standing(time.Now()) {
		if s.Name == "network" {
			n += s.Seen
		}
	}
	return n
}

// networkName is the same on the same network: the prefixes of the device's own
// addresses. It is kept as a sum only.
func networkName() string {
	links, err := net.Interfaces()
	if err != nil {
		return ""
	}
	var prefixes []string
	for _, link := range links {
		if link.Flags&net.FlagUp == 0 || !carries(link) {
			continue
		}
		addrs, err := link.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
				prefixes = append(prefixes, p.Masked().String())
			}
		}
	}
	slices.Sort(prefixes)
	return strings.Join(slices.Compact(prefixes), " ")
}

// byeWithin is how long a removal waits for the collector to have heard of it.
const byeWithin = 5 * time.Second

// byes are the reasons there are for saying goodbye.
var byes = map[string]string{
	"removed": "The agent is being removed from this device by its package manager. Nothing will come from it any more.",
}

// bye is what the verb asks for and is answered.
type bye struct {
	Reason string `json:"reason,omitempty"`
	Heard  bool   `json:"heard,omitempty"`
}

// serveGoodbye answers POST /goodbye. Only who may stop the agent reaches the socket.
func (a *agent) serveGoodbye(w http.ResponseWriter, r *http.Request) {
	var asked bye
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&asked); err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	detail, known := byes[asked.Reason]
	if !known {
		http.Error(w, fmt.Sprintf("reason %q: want removed", asked.Reason), http.StatusBadRequest)
		return
	}
	heard, err := a.sayGoodbye(r.Context(), health.Fact{Topic: health.Removed, Detail: detail})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(bye{Heard: heard}) // the asker left: nobody to tell
}

func (a *agent) sayGoodbye(ctx context.Context, f health.Fact) (heard bool, err error) {
	data, err := health.Record(f, readClock)
	if err != nil {
		return false, err
	}
	fate, stop := a.shipper.Follow(data)
	defer stop()
	if err := a.spool.Append([]spool.Record{{Lane: uint8(event.Low), Data: data}}, nil); err != nil {
		return false, err
	}
	timer := time.NewTimer(byeWithin)
	defer timer.Stop()
	select {
	case came := <-fate:
		heard = came.Stored
	case <-timer.C:
	case <-ctx.Done():
	}
	a.log.InfoContext(ctx, "a last fact about this device is told to the collector", "topic", f.Topic, "heard", heard)
	return heard, nil
}

// Goodbye has the agent that runs on dir tell its collector why nothing will come from
// it any more, and says whether the collector has heard. It takes five seconds at most.
func Goodbye(ctx context.Context, dir, reason string) (heard bool, err error) {
	var answer bye
	err = askLocal(ctx, dir, http.MethodPost, "/goodbye", bye{Reason: reason}, &answer)
	if errors.Is(err, localstate.ErrNotRunning) {
		return false, fmt.Errorf("saying goodbye: %w", ErrStopped)
	}
	if err != nil {
		return false, fmt.Errorf("saying goodbye: %w", err)
	}
	return answer.Heard, nil
}
