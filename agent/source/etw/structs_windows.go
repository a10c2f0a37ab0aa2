package etw

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// What Windows' headers (evntrace.h, evntcons.h, evntprov.h, tdh.h) call by other
// names. The layouts are the same on amd64 and arm64; the assertions at the end
// hold them to the sizes that the headers give.

// nodeHeader is WNODE_HEADER.
type nodeHeader struct {
	BufferSize    uint32
	ProviderID    uint32
	Context       uint64
	TimeStamp     int64
	GUID          windows.GUID
	ClientContext uint32
	Flags         uint32
}

// traceProperties is EVENT_TRACE_PROPERTIES.
type traceProperties struct {
	Node                nodeHeader
	BufferSize          uint32 // KB
	MinimumBuffers      uint32
	MaximumBuffers      uint32
	MaximumFileSize     uint32
	LogFileMode         uint32
	FlushTimer          uint32 // seconds
	EnableFlags         uint32
	AgeLimit            int32
	NumberOfBuffers     uint32
	FreeBuffers         uint32
	EventsLost          uint32
	BuffersWritten      uint32
	LogBuffersLost      uint32
	RealTimeBuffersLost uint32
	LoggerThreadID      uintptr
	LogFileNameOffset   uint32
	LoggerNameOffset    uint32
}

// The room for a session's name, and for that of a file, in UTF-16 units.
const (
	maxName = 128
	maxFile = 1024
)

// namedProperties has room for the names, which Windows writes behind the rest.
type namedProperties struct {
	traceProperties
	name [maxName]uint16
	file [maxFile]uint16
}

// eventTrace is EVENT_TRACE, which events of this kind do not use.
type eventTrace struct {
	Header           [48]byte
	InstanceID       uint32
	ParentInstanceID uint32
	ParentGUID       windows.GUID
	MofData          uintptr
	MofLength        uint32
	ClientContext    uint32
}

// logfileHeader is TRACE_LOGFILE_HEADER; it is Windows' to fill.
type logfileHeader struct {
	_           [56]byte
	LoggerName  uintptr
	LogFileName uintptr
	_           [176]byte // the time zone, and what aligns it
	BootTime    int64
	PerfFreq    int64
	StartTime   int64
	ClockType   uint32
	BuffersLost uint32
}

// traceLogfile is EVENT_TRACE_LOGFILEW.
type traceLogfile struct {
	LogFileName    *uint16
	LoggerName     *uint16
	CurrentTime    int64
	BuffersRead    uint32
	TraceMode      uint32 // ProcessTraceMode
	CurrentEvent   eventTrace
	Header         logfileHeader
	BufferCallback uintptr
	BufferSize     uint32
	Filled         uint32
	EventsLost     uint32
	EventCallback  uintptr // EventRecordCallback
	IsKernelTrace  uint32
	Context        uintptr
}

// eventHeader is EVENT_HEADER.
type eventHeader struct {
	Size          uint16
	HeaderType    uint16
	Flags         uint16
	EventProperty uint16
	ThreadID      uint32
	ProcessID     uint32
	TimeStamp     int64 // FILETIME
	ProviderID    windows.GUID
	ID            uint16
	Version       uint8
	Channel       uint8
	Level         uint8
	Opcode        uint8
	Task          uint16
	Keyword       uint64
	Times         uint64
	ActivityID    windows.GUID
}

// eventRecord is EVENT_RECORD.
type eventRecord struct {
	Header        eventHeader
	BufferContext uint32
	ExtendedCount uint16
	DataLength    uint16
	Extended      *extendedItem
	Data          *byte
	Context       uintptr
}

// extendedItem is EVENT_HEADER_EXTENDED_DATA_ITEM.
type extendedItem struct {
	_       uint16
	Type    uint16
	Linkage uint16
	Size    uint16
	Data    *byte // a 64-bit number in the header, on systems where that is a pointer
}

// enableParameters is ENABLE_TRACE_PARAMETERS, version 2.
type enableParameters struct {
	Version        uint32
	EnableProperty uint32
	ControlFlags   uint32
	SourceID       windows.GUID
	Filters        *filterDescriptor
	FilterCount    uint32
}

// filterDescriptor is EVENT_FILTER_DESCRIPTOR.
type filterDescriptor struct {
	Data *filterEventIDs // a 64-bit number in the header, likewise
	Size uint32
	Type uint32
}

// filterEventIDs is EVENT_FILTER_EVENT_ID with room for those that are wanted.
type filterEventIDs struct {
	FilterIn uint8
	_        uint8
	Count    uint16
	IDs      [4]uint16
}

// propertyDescriptor is PROPERTY_DATA_DESCRIPTOR.
type propertyDescriptor struct {
	Name       *uint16 // a 64-bit number in the header, likewise
	ArrayIndex uint32
	_          uint32
}

// A size or a place that is not as documented does not compile: the index is out
// of an array of one.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(nodeHeader{})-48]
	_ = [1]struct{}{}[unsafe.Sizeof(traceProperties{})-120]
	_ = [1]struct{}{}[unsafe.Offsetof(traceProperties{}.EventsLost)-88]
	_ = [1]struct{}{}[unsafe.Offsetof(traceProperties{}.RealTimeBuffersLost)-100]
	_ = [1]struct{}{}[unsafe.Offsetof(traceProperties{}.LoggerNameOffset)-116]
	_ = [1]struct{}{}[unsafe.Offsetof(namedProperties{}.name)-120]
	_ = [1]struct{}{}[unsafe.Sizeof(eventTrace{})-88]
	_ = [1]struct{}{}[unsafe.Sizeof(logfileHeader{})-280]
	_ = [1]struct{}{}[unsafe.Offsetof(logfileHeader{}.BootTime)-248]
	_ = [1]struct{}{}[unsafe.Sizeof(traceLogfile{})-448]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.TraceMode)-28]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.Header)-120]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.BufferCallback)-400]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.EventsLost)-416]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.EventCallback)-424]
	_ = [1]struct{}{}[unsafe.Offsetof(traceLogfile{}.Context)-440]
	_ = [1]struct{}{}[unsafe.Sizeof(eventHeader{})-80]
	_ = [1]struct{}{}[unsafe.Offsetof(eventHeader{}.ProviderID)-24]
	_ = [1]struct{}{}[unsafe.Offsetof(eventHeader{}.ID)-40]
	_ = [1]struct{}{}[unsafe.Offsetof(eventHeader{}.ActivityID)-64]
	_ = [1]struct{}{}[unsafe.Sizeof(eventRecord{})-112]
	_ = [1]struct{}{}[unsafe.Offsetof(eventRecord{}.DataLength)-86]
	_ = [1]struct{}{}[unsafe.Offsetof(eventRecord{}.Data)-96]
	_ = [1]struct{}{}[unsafe.Offsetof(eventRecord{}.Context)-104]
	_ = [1]struct{}{}[unsafe.Sizeof(extendedItem{})-16]
	_ = [1]struct{}{}[unsafe.Sizeof(enableParameters{})-48]
	_ = [1]struct{}{}[unsafe.Offsetof(enableParameters{}.SourceID)-12]
	_ = [1]struct{}{}[unsafe.Offsetof(enableParameters{}.Filters)-32]
	_ = [1]struct{}{}[unsafe.Sizeof(filterDescriptor{})-16]
	_ = [1]struct{}{}[unsafe.Offsetof(filterEventIDs{}.IDs)-4]
	_ = [1]struct{}{}[unsafe.Sizeof(propertyDescriptor{})-16]
)
