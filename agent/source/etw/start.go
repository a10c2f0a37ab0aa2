package etw

import (
	"fmt"
	"strings"
	"time"
)

// Start is a program that started.
type Start struct {
	PID, PPID int
	// Creator is the process in which the start was asked for. Windows lets a
	// program name another as the parent of what it starts.
	Creator int
	Session uint32
	Time    time.Time
	// Image is the program's file as the kernel names it:
	// \Device\HarddiskVolume3\Windows\System32\notepad.exe.
	Image string
	// Package is the name of the package it is part of, without version and
	// publisher; empty for most.
	Package string
}

// IsStart says whether the event is a program's start.
func (e *Event) IsStart() bool { return e.Provider == KernelProcess && e.ID == processStarted }

// Start reads a program's start.
func (e *Event) Start() (Start, error) {
	if !e.IsStart() {
		return Start{}, errOther
	}
	s := Start{Creator: e.PID, Time: e.Time}
	err := e.fields([]string{"ProcessID", "CreateTime", "ParentProcessID", "SessionID", "ImageName"}, func(name string, v value) {
		switch name {
		case "ProcessID": // not the header's, which is the creator's
			s.PID = int(uint32(v.uint()))
		case "ParentProcessID":
			s.PPID = int(uint32(v.uint()))
		case "SessionID":
			s.Session = uint32(v.uint())
		case "CreateTime":
			if t, ok := fileTime(v.uint()); ok {
				s.Time = t
			}
		case "ImageName":
			s.Image = v.text()
		case "PackageFullName":
			s.Package = packageName(v.text())
		}
	})
	if err != nil {
		return Start{}, fmt.Errorf("reading a program's start: %w", err)
	}
	return s, nil
}

// packageName is a package's name without what changes from version to version:
// Example.Paint_1.2.3.0_x64__8wekyb3d8bbwe.
func packageName(full string) string {
	name, _, _ := strings.Cut(full, "_")
	return name
}

// fileTime reads 100 ns since 1601, as Windows counts; false for what is no time
// of this product's life.
func fileTime(t uint64) (time.Time, bool) {
	const epoch, second = 116444736000000000, 10_000_000 // 1970 in it
	if t < epoch || t > 1<<62 {
		return time.Time{}, false
	}
	t -= epoch
	return time.Unix(int64(t/second), int64(t%second)*100).UTC(), true
}
