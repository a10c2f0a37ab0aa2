// Package bpfdev captures packets by the BPF devices of macOS, /dev/bpf0 and on:
// one for each interface, in immediate mode, with package filter's program, and
// never promiscuous (G11). Interfaces that come, go or change are followed.
//
// What is macOS's alone stands behind System, in files of its own; the records
// that a device returns, the frames within them and which interfaces to watch
// are any system's to read, and are tested on any. Only agent/source/network
// imports it.
package bpfdev
