// Package macos holds the tests of the agent's macOS archive and package: what
// they contain, that building twice gives the same bytes, that the scripts lay
// things down and take them away again, and that property lists and profiles are
// well formed. They are made by the scripts beside it, on Linux; nothing of them has
// been run on a Mac. It has no product code and nothing imports it.
package macos
