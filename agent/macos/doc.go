// Package macos reads what macOS says of its processes, sockets and people:
// the kernel's process table, the table of sockets with the process behind each,
// who sits at the screen. It asks by sysctl and proc_info, without cgo and
// without running ps or lsof.
//
// What is read is parsed apart, by functions that any system can run: the
// layouts are XNU's (bsd/sys/socketvar.h, bsd/netinet/in_pcb.h, utmpx.h), of
// 64-bit little-endian machines, as every Mac has been for years. None of it has
// been run on a Mac yet (docs/limitations.md).
//
// Only agent/attribution and agent/source/process import it.
package macos
