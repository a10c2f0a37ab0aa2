package etw

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// provider says what is asked of one.
type provider struct {
	guid     windows.GUID
	keywords uint64 // an event is told that has one of them
	ids      []uint16
}

var providers = map[Provider]provider{
	DNSClient: {
		guid: windows.GUID{Data1: 0x1c95126e, Data2: 0x7eea, Data3: 0x49a9, Data4: [8]byte{0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d}},
		// Its events bear the last keyword alone, which is the channel's. Windows is said
		// to take none for all, and everybody who was seen to get them asked for all.
		keywords: ^uint64(0),
		ids:      []uint16{queryAsked, queryCompleted},
	},
	KernelProcess: {
		guid:     windows.GUID{Data1: 0x22fb2cd6, Data2: 0x0e7b, Data3: 0x422b, Data4: [8]byte{0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16}},
		keywords: 0x10, // WINEVENT_KEYWORD_PROCESS
		ids:      []uint16{processStarted},
	},
}

// Config is what Open needs.
type Config struct {
	// Name of the session. One of that name that runs already is ended: a crashed
	// agent left it behind.
	Name     string
	Provider Provider
}

// Session is a trace session of ours, and its reader. Windows keeps a session
// when its program ends, so it must be closed; Open clears away one that was not.
type Session struct {
	name     *uint16
	provider Provider
	session  uint64
	trace    uint64
	logfile  traceLogfile // Windows may read it as long as the trace is open
	take     func(*Event)
	event    Event // the one at hand; events come one after another
	lost     atomic.Uint64
	closing  atomic.Bool
	ended    atomic.Bool // by somebody else
	closed   sync.Once
	system   system
	id       uintptr
}

// system is what a session asks of Windows.
type system struct {
	start   func(name *uint16, p *namedProperties) (session uint64, err error)
	pause   func(time.Duration)
	control func(session uint64, name *uint16, p *namedProperties, code uint32) error
	process func(trace *uint64) error
}

var windowsItself = system{start: startTrace, pause: pause, control: controlTrace, process: processTrace}

// sessions are those that Windows calls back for, by number: it is handed a
// number, since it must keep no pointer of ours.
var (
	sessions    sync.Map // uintptr -> *Session
	lastSession atomic.Uintptr
	// Windows allows a program few callbacks, and none is ever given back.
	eventCallback  = sync.OnceValue(func() uintptr { return windows.NewCallback(onEvent) })
	bufferCallback = sync.OnceValue(func() uintptr { return windows.NewCallback(onBuffer) })
)

// Open begins a session and readies its reading. What does not work here is an
// Unavailable.
func Open(cfg Config) (*Session, error) {
	p, ok := providers[cfg.Provider]
	if !ok {
		return nil, fmt.Errorf("opening a trace session: provider %d is none", cfg.Provider)
	}
	name, err := windows.UTF16PtrFromString(cfg.Name)
	if err != nil || len(cfg.Name) == 0 || len(cfg.Name) >= maxName {
		return nil, fmt.Errorf("opening a trace session: %q is no name for one", cfg.Name)
	}
	s := &Session{name: name, provider: cfg.Provider, trace: noTrace, system: windowsItself}
	if err := s.start(); err != nil {
		return nil, err
	}
	if err := s.enable(p); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newProperties() *namedProperties {
	p := &namedProperties{}
	p.Node.BufferSize = uint32(unsafe.Sizeof(*p))
	p.Node.Flags = wnodeTracedGUID
	p.Node.ClientContext = clockQPC
	p.LoggerNameOffset = uint32(unsafe.Offsetof(p.name))
	return p
}

// newAnswer has room for what Windows says of a session, the name of a file that
// it does not have included.
func newAnswer() *namedProperties {
	p := newProperties()
	p.LogFileNameOffset = uint32(unsafe.Offsetof(p.file))
	return p
}

// Windows now and then says that a session is ended while it still holds its name.
const (
	clearings = 5
	clearing  = 200 * time.Millisecond
)

func pause(d time.Duration) { <-time.After(d) }

// start begins the session. The events of all processors come in one order, so
// that a question is told before its answer; a second is the shortest time that
// Windows may hold events back.
func (s *Session) start() error {
	begin := func() (err error) {
		p := newProperties()
		p.LogFileMode, p.FlushTimer = realTimeMode|oneOrder, 1
		p.BufferSize, p.MinimumBuffers, p.MaximumBuffers = 64, 4, 64
		s.session, err = s.system.start(s.name, p)
		return err
	}
	err := begin()
	for tries := 0; tries < clearings && errors.Is(err, windows.ERROR_ALREADY_EXISTS); tries++ {
		if tries > 0 {
			s.system.pause(clearing)
		}
		if err = s.system.control(0, s.name, newAnswer(), controlStop); err == nil || errors.Is(err, errWMIInstanceAbsent) {
			err = begin()
		}
	}
	if err != nil {
		return unavailable("starting a trace session", err)
	}
	return nil
}

// enable asks the provider for the events that are read, and to say with each in
// whose name and in what session it was written.
func (s *Session) enable(p provider) error {
	ids := &filterEventIDs{FilterIn: 1, Count: uint16(len(p.ids))}
	copy(ids.IDs[:], p.ids)
	size := unsafe.Offsetof(ids.IDs) + uintptr(len(p.ids))*unsafe.Sizeof(ids.IDs[0])
	filter := &filterDescriptor{Data: ids, Size: uint32(size), Type: filterByID}
	with := &enableParameters{Version: enableVersion2, EnableProperty: enableSID | enableSession, Filters: filter, FilterCount: 1}
	err := enableTrace(s.session, &p.guid, p.keywords, with)
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) {
		with.Filters, with.FilterCount = nil, 0 // an older Windows: what is not wanted is let go here
		err = enableTrace(s.session, &p.guid, p.keywords, with)
	}
	if err != nil {
		return unavailable("asking for events", err)
	}
	return nil
}

// open readies the reading. Some systems start a session well and cannot read
// one, Wine among them: only here is it found out.
func (s *Session) open() error {
	s.id = lastSession.Add(1)
	sessions.Store(s.id, s)
	s.logfile = traceLogfile{
		LoggerName: s.name, TraceMode: processRealTime | processEventRecord,
		EventCallback: eventCallback(), BufferCallback: bufferCallback(), Context: s.id,
	}
	var err error
	if s.trace, err = openTrace(&s.logfile); err != nil {
		return unavailable("reading the trace session", err)
	}
	return nil
}

// unavailable says why, and how it can be mended.
func unavailable(doing string, err error) error {
	var mend string
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		mend = "; run the agent as its service does (LocalSystem), or as an administrator"
	case errors.Is(err, windows.ERROR_NO_SYSTEM_RESOURCES):
		mend = "; too many trace sessions run: see `logman query -ets`, and end one that nobody needs"
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		mend = "; another program began it again at once: end that program"
	default:
		mend = "; it wants a Windows of version 8.1 or later, and the rights of LocalSystem or of an administrator"
	}
	return &Unavailable{Reason: fmt.Sprintf("%s: %s%s", doing, strings.TrimSuffix(err.Error(), "."), mend)}
}

// errEnded says that the session is gone, and we did not end it.
var errEnded = errors.New("the trace session was ended by another program")

// Run reads until Close. take is called for one event after another, on this
// goroutine; it must be quick, for Windows drops what finds no room.
func (s *Session) Run(take func(*Event)) error {
	s.take = take
	err := s.system.process(&s.trace)
	if s.closing.Load() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the trace session: %w", err)
	}
	s.ended.Store(true)
	return errEnded
}

// Lost is how many events found no room, as Windows counts them. Of a buffer that
// was lost it does not say how many were in it: that counts as one.
func (s *Session) Lost() uint64 {
	p := newAnswer()
	if s.ours() && s.system.control(s.session, nil, p, controlQuery) == nil {
		s.lost.Store(uint64(p.EventsLost) + uint64(p.RealTimeBuffersLost))
	}
	return s.lost.Load()
}

// ours says whether the session's number is still its own. Windows has few, and gives
// that of a session which ended to the next that somebody begins: asked about it, or
// to stop it, it would take that one.
func (s *Session) ours() bool { return !s.closing.Load() && !s.ended.Load() }

// Check returns why the session is at an end, or nil.
func (s *Session) Check() error {
	if s.ended.Load() {
		return errEnded
	}
	if err := s.system.control(s.session, nil, newAnswer(), controlQuery); err != nil && !s.closing.Load() {
		return fmt.Errorf("asking after the trace session: %w (%w)", err, errEnded)
	}
	return nil
}

// Close ends the session and its reading. It may be called more than once, and
// while Run runs.
func (s *Session) Close() (err error) {
	s.closed.Do(func() {
		s.Lost()
		ours := s.ours()
		s.closing.Store(true)
		if ours {
			if stop := s.system.control(s.session, nil, newAnswer(), controlStop); stop != nil && !errors.Is(stop, errWMIInstanceAbsent) {
				err = fmt.Errorf("ending the trace session: %w", stop)
			}
		}
		if s.trace != noTrace {
			// ERROR_CTX_CLOSE_PENDING says that Run still has a callback to end.
			if end := closeTrace(s.trace); end != nil && !errors.Is(end, syscall.Errno(7007)) {
				err = errors.Join(err, fmt.Errorf("closing the trace: %w", end))
			}
		}
		sessions.Delete(s.id)
	})
	return err
}

// onEvent is called by Windows for each event.
func onEvent(r *eventRecord) uintptr {
	if of, ok := sessions.Load(r.Context); ok {
		of.(*Session).handle(r) //nolint:forcetypeassert // nothing else is stored
	}
	return 0
}

// onBuffer is called after each buffer; 0 would end the reading.
func onBuffer(f *traceLogfile) uintptr {
	of, ok := sessions.Load(f.Context)
	if !ok || of.(*Session).closing.Load() { //nolint:forcetypeassert // likewise
		return 0
	}
	return 1
}

func (s *Session) handle(r *eventRecord) {
	p := providers[s.provider]
	if r.Header.ProviderID != p.guid || s.closing.Load() {
		return // what the session says of itself
	}
	e := &s.event
	*e = Event{
		Provider: s.provider, ID: r.Header.ID, Version: r.Header.Version, PID: int(r.Header.ProcessID),
		Property: func(name string) ([]byte, error) { return property(r, name) },
	}
	e.Time, _ = fileTime(uint64(r.Header.TimeStamp))
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	if r.DataLength > 0 && r.Data != nil {
		e.Data = unsafe.Slice(r.Data, r.DataLength)
	}
	if r.ExtendedCount > 0 && r.Extended != nil {
		e.extend(unsafe.Slice(r.Extended, r.ExtendedCount))
	}
	s.take(e)
}

// extend reads what Windows adds to an event: in whose name, in what session.
func (e *Event) extend(items []extendedItem) {
	for i := range items {
		it := &items[i]
		if it.Data == nil || it.Size == 0 {
			continue
		}
		b := unsafe.Slice(it.Data, it.Size)
		switch it.Type {
		case extendedSID:
			e.SID = b
		case extendedSession:
			if len(b) >= 4 {
				e.Session, e.HasSession = uint32(value(b[:4]).uint()), true
			}
		}
	}
}
