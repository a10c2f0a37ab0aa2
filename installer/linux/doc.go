// Package linux holds the tests of the Linux packages: what the .deb and the
// .rpm of each program contain, whoever builds them, and that building twice
// gives the same bytes. The packages are made by the scripts beside it; it has no
// product code and nothing imports it. What runs them on a real systemd is in
// the folder test below.
package linux
