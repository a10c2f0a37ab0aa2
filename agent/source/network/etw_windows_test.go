package network

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"safelight/agent/source"
)

// wine says whether this is Wine, whose trace sessions cannot be read.
func wine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestNamesAreSeenOrItIsSaidWhyNot(t *testing.T) {
	s, out, ended := New(Config{Beside: true}), newSink(), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- s.Run(ctx, nil, out) }()
	for s.Status().State == source.Starting {
		select {
		case err := <-ended:
			ended <- err
		case <-time.After(10 * time.Millisecond):
		}
	}
	st := s.Status()
	if st.State == source.Unavailable {
		if err := <-ended; !errors.Is(err, errUnavailable) || !strings.Contains(st.Detail, "LocalSystem") {
			t.Errorf("it does not say why, and how to mend it: %v, %s", err, st.Detail)
		}
		if !wine() {
			t.Skip("SKIPPED:", st.Detail)
		}
		return
	}
	if wine() {
		t.Errorf("under Wine: %+v", st)
	}
	if st.Way != string(ETW) || len(st.Interfaces) > 0 {
		t.Errorf("running as %+v", st)
	}
	const name = "told-by-windows.safelight.invalid"
	_, _ = (&net.Resolver{}).LookupHost(ctx, name)
	deadline := time.After(20 * time.Second)
	for seen := false; !seen; {
		select {
		case o := <-out.got:
			if seen = o.Name == name; seen && o.PID != os.Getpid() {
				t.Errorf("told as %+v", o)
			}
			if seen && !o.Attempt {
				t.Logf("no server said that there is no such name: %+v", o)
			}
		case <-deadline:
			t.Fatal("the name was not told within 20 s")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWaysThatAreLinuxsAreRefusedWithAReason(t *testing.T) {
	for _, cfg := range []Config{{Capture: BPF}, {Capture: Packet}, {Interface: "eth0"}, {Cgroup: `C:\`}} {
		cfg.Beside = true
		s := New(cfg)
		if err := s.Run(t.Context(), nil, newSink()); !errors.Is(err, errUnavailable) || s.Status().State != source.Unavailable {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
