package etw

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The functions that golang.org/x/sys/windows does not have. advapi32 hands them
// on to wherever the system keeps them.
var (
	advapi = windows.NewLazySystemDLL("advapi32.dll")
	tdh    = windows.NewLazySystemDLL("tdh.dll")

	procStartTrace      = advapi.NewProc("StartTraceW")
	procControlTrace    = advapi.NewProc("ControlTraceW")
	procEnableTraceEx2  = advapi.NewProc("EnableTraceEx2")
	procOpenTrace       = advapi.NewProc("OpenTraceW")
	procProcessTrace    = advapi.NewProc("ProcessTrace")
	procCloseTrace      = advapi.NewProc("CloseTrace")
	procTdhPropertySize = tdh.NewProc("TdhGetPropertySize")
	procTdhProperty     = tdh.NewProc("TdhGetProperty")
)

const (
	wnodeTracedGUID      = 0x00020000 // WNODE_FLAG_TRACED_GUID
	realTimeMode         = 0x00000100 // EVENT_TRACE_REAL_TIME_MODE
	oneOrder             = 0x10000000 // EVENT_TRACE_NO_PER_PROCESSOR_BUFFERING
	clockQPC             = 1
	processRealTime      = 0x00000100 // PROCESS_TRACE_MODE_REAL_TIME
	processEventRecord   = 0x10000000 // PROCESS_TRACE_MODE_EVENT_RECORD
	controlQuery         = 0          // EVENT_TRACE_CONTROL_QUERY
	controlStop          = 1          // EVENT_TRACE_CONTROL_STOP
	controlEnable        = 1          // EVENT_CONTROL_CODE_ENABLE_PROVIDER
	levelInformation     = 4          // TRACE_LEVEL_INFORMATION
	enableVersion2       = 2          // ENABLE_TRACE_PARAMETERS_VERSION_2
	enableSID            = 0x1        // EVENT_ENABLE_PROPERTY_SID
	enableSession        = 0x2        // EVENT_ENABLE_PROPERTY_TS_ID
	filterByID           = 0x80000200 // EVENT_FILTER_TYPE_EVENT_ID
	extendedSID          = 0x0002     // EVENT_HEADER_EXT_TYPE_SID
	extendedSession      = 0x0003     // EVENT_HEADER_EXT_TYPE_TS_ID
	noTrace              = ^uint64(0) // INVALID_PROCESSTRACE_HANDLE
	allOfArray           = ^uint32(0)
	errWMIInstanceAbsent = syscall.Errno(4201) // ERROR_WMI_INSTANCE_NOT_FOUND
)

// status turns what a function returns into an error; 0 is none.
func status(r uintptr) error {
	if r != 0 {
		return syscall.Errno(r)
	}
	return nil
}

func startTrace(name *uint16, p *namedProperties) (session uint64, err error) {
	r, _, _ := procStartTrace.Call(uintptr(unsafe.Pointer(&session)), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(p)))
	return session, status(r)
}

// controlTrace asks about a session, or ends it; session may be 0 where name says
// which.
func controlTrace(session uint64, name *uint16, p *namedProperties, code uint32) error {
	r, _, _ := procControlTrace.Call(uintptr(session), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(p)), uintptr(code))
	return status(r)
}

func enableTrace(session uint64, provider *windows.GUID, keywords uint64, p *enableParameters) error {
	r, _, _ := procEnableTraceEx2.Call(uintptr(session), uintptr(unsafe.Pointer(provider)), controlEnable, levelInformation,
		uintptr(keywords), 0, 0, uintptr(unsafe.Pointer(p)))
	return status(r)
}

// openTrace returns noTrace and an error where the session cannot be read.
func openTrace(f *traceLogfile) (uint64, error) {
	r, _, err := procOpenTrace.Call(uintptr(unsafe.Pointer(f)))
	if uint64(r) == noTrace {
		return noTrace, err
	}
	return uint64(r), nil
}

// processTrace blocks until the trace ends, and calls back meanwhile.
func processTrace(trace *uint64) error {
	r, _, _ := procProcessTrace.Call(uintptr(unsafe.Pointer(trace)), 1, 0, 0)
	return status(r)
}

func closeTrace(trace uint64) error {
	r, _, _ := procCloseTrace.Call(uintptr(trace))
	return status(r)
}

// property finds a field by its name, as the provider's manifest has it.
func property(record *eventRecord, name string) ([]byte, error) {
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	if err := procTdhProperty.Find(); err != nil {
		return nil, err
	}
	d := propertyDescriptor{Name: wide, ArrayIndex: allOfArray}
	var size uint32
	r, _, _ := procTdhPropertySize.Call(uintptr(unsafe.Pointer(record)), 0, 0, 1, uintptr(unsafe.Pointer(&d)), uintptr(unsafe.Pointer(&size)))
	if err := status(r); err != nil {
		return nil, err
	}
	if size == 0 || size > 1<<16 { // an event is no larger
		return nil, errShort
	}
	b := make([]byte, size)
	r, _, _ = procTdhProperty.Call(uintptr(unsafe.Pointer(record)), 0, 0, 1, uintptr(unsafe.Pointer(&d)), uintptr(size), uintptr(unsafe.Pointer(&b[0])))
	if err := status(r); err != nil {
		return nil, err
	}
	return b, nil
}
