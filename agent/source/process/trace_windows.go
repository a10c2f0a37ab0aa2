package process

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/windows"

	"safelight/agent/source/etw"
	"safelight/internal/event"
)

const (
	// sessionName is the trace session's, and asideName that of whoever looks
	// beside the agent.
	sessionName = "Safelight programs"
	asideName   = "Safelight programs, looking on"
	// maxStarts is how many starts wait at most to be looked at.
	maxStarts = 4096
	// endWait is how long Windows may take to end a trace.
	endWait = 3 * time.Second
)

// kernelWays are the ways in which Windows tells of starts.
func kernelWays(cfg Config) []way {
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	return []way{&trace{aside: cfg.Beside, volumes: newVolumes(dosDevices, now)}}
}

// trace reads the starts that Windows' kernel traces.
type trace struct {
	aside   bool
	volumes *volumes
	session atomic.Pointer[etw.Session]
	refused atomic.Uint64 // found no room here, or could not be read
	earlier atomic.Uint64 // lost by sessions before
}

func (*trace) name() string { return "etw" }

func (t *trace) lost() uint64 {
	n := t.refused.Load() + t.earlier.Load()
	if s := t.session.Load(); s != nil {
		n += s.Lost()
	}
	return n
}

func (t *trace) run(ctx context.Context, ready func(), tell func(event.Start)) (err error) {
	name := sessionName
	if t.aside {
		name = asideName
	}
	s, err := etw.Open(etw.Config{Name: name, Provider: etw.KernelProcess})
	if err != nil {
		return fmt.Errorf("%w (%w)", err, errPassing)
	}
	starts, done := make(chan etw.Start, maxStarts), make(chan error, 1)
	go func() { done <- s.Run(func(e *etw.Event) { t.take(e, starts) }) }()
	t.session.Store(s)
	defer func() {
		t.session.Store(nil)
		err = errors.Join(err, t.end(s, done))
	}()
	ready()
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-starts:
			tell(t.start(one))
		case err := <-done:
			done <- nil // for the end
			return err
		}
	}
}

// end closes the session, and waits for Windows to have done with it.
func (t *trace) end(s *etw.Session, done <-chan error) error {
	err := s.Close()
	t.earlier.Add(s.Lost())
	select {
	case <-done: //nolint:errcheck // what ended it was told by run
		return err
	case <-time.After(endWait):
		return errors.Join(err, errors.New("ending the trace session: Windows still reads it after 3 s"))
	}
}

// take is called by the session, and must be quick.
func (t *trace) take(e *etw.Event, to chan<- etw.Start) {
	if !e.IsStart() {
		return // an older Windows filters nothing
	}
	one, err := e.Start()
	if err != nil {
		t.refused.Add(1)
		return
	}
	select {
	case to <- one:
	default:
		t.refused.Add(1)
	}
}

func (t *trace) start(one etw.Start) event.Start {
	exe := t.volumes.dos(one.Image)
	return event.Start{
		Time: one.Time, PID: one.PID, PPID: one.PPID, Comm: fileName(exe), Exe: exe,
		Creator: one.Creator, Session: strconv.FormatUint(uint64(one.Session), 10), Package: one.Package,
	}
}

// dosDevices lists the devices that letters stand for.
func dosDevices() map[string]string {
	all := make(map[string]string)
	mask, err := windows.GetLogicalDrives()
	if err != nil {
		return all
	}
	for i := range 26 {
		if mask&(1<<i) == 0 {
			continue
		}
		letter := string(rune('A'+i)) + ":"
		if device := dosDevice(letter); device != "" {
			all[letter] = device
		}
	}
	return all
}

// dosDevice is the device that a letter stands for, as "c:"; empty where it stands
// for none.
func dosDevice(letter string) string {
	name, err := windows.UTF16PtrFromString(letter)
	if err != nil {
		return ""
	}
	target := make([]uint16, windows.MAX_LONG_PATH)
	if n, err := windows.QueryDosDevice(name, &target[0], uint32(len(target))); err != nil || n == 0 {
		return ""
	}
	return windows.UTF16ToString(target)
}
