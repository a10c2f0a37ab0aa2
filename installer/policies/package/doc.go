// Package pkg holds the tests of the opt-in Linux package of browsers' policies:
// what it contains, that two builds give the same bytes, and that no other package
// of ours brings it along. It has no product code and nothing imports it; the
// package on a real systemd is tried in installer/linux/test.
package pkg
