// Package names is an immutable table from host names to small numbers, for
// lists of millions of names on a weak laptop. The number is a set: an index
// into whatever the caller keeps of categories and lists.
//
// A table is flat bytes, made once by Build on the collector and read in place
// by Open on every device, usually from a mapped file: nothing is parsed, and
// the lists cost a program no memory of its own. A name costs 5.8 bytes. The names
// themselves are not in the table and cannot be read out of it; a name that was
// never listed is taken for a listed one once in 2^30 look-ups, which is why the
// collector checks a hit against the list's own text before anyone is told.
//
// How it is built, by what was measured: docs/adr/0018.
//
// What a list gains and loses between two tables is an Overlay: a few bytes a
// change, made for one table and refused by any other.
//
// It is pure: no I/O, no clock, no goroutines; the same arguments give the same
// bytes on every system. Only internal/rules and what carries its tables
// (agent/policy, collector/policy, collector/lists) should import it: what a set
// means, and which of several hits counts, is theirs to know.
package names
