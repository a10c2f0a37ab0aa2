// Package container holds the test of the collector's container image: it is built
// offline by the script beside it, runs without root on a root file system that
// cannot be written to, and keeps its state in a volume. It has no product code and
// nothing imports it.
package container
