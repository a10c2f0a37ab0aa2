// Package e2etest holds the end-to-end tests: the two real programs, built by
// the test, against each other on loopback. It has no product code and nothing
// imports it.
package e2etest
