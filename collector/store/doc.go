// Package store keeps everything a collector knows, in SQLite: one file beside
// the program, nothing else to install.
//
// It promises that what a method has returned without error survives a power
// cut (write-ahead log, synchronous=FULL), that every row belongs to a school
// and every method but Schools takes one, that no SQL reads the clock (time is
// always a parameter), and that no transaction holds the write connection for
// longer than about 50 ms.
//
// There is one connection for writing. Ingest, the gatherer and the job queue
// share it, because SQLite's own lock starves whoever comes second, while a
// queue in front of one connection is fair. Reading uses a second, read-only
// pool. The SQL keeps to what PostgreSQL understands too.
//
// Who may see what (G3) is decided here, in the statements behind the methods
// whose names end in For, so that no caller can forget it.
//
// It knows no wire, no page and no policy language. It takes no lock on its
// file: whoever opens it for changes does.
package store
