//go:build !linux

// Command nameholder measures memory on Linux alone.
package main

func main() { panic("nameholder reads /proc, which only Linux has") }
