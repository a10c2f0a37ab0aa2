// Package test installs the Linux packages of both programs on a Debian with a
// systemd of its own, in a container on this machine, and lives through a
// device's life there: installed, enrolled, killed, upgraded, removed. It runs in
// `make acceptance`, as root; it has no product code and nothing imports it.
package test
