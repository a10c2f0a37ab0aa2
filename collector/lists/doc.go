// Package lists keeps the lists of names that rules subscribe to: it fetches
// them, or takes them from a file where the server has no internet, cleans their
// names, keeps the last two versions of each, and says of a name whether it is
// really on a list before anybody is told.
//
// It promises that a list is taken whole or not at all; that a source that
// fails, shrinks or grows beyond its guards leaves the last good version in
// force, and says so until a person or the source mends it; that helplines and
// protected sites are on no list, whatever its source holds (G1, G5); and that a
// list of five million names costs some tens of megabytes of memory while it is
// taken and none afterwards.
//
// The way through it: fetch.go brings a file, unpack.go and lines.go read it
// within bounds, format_*.go find names in it, intake.go cleans them, sorter.go
// sorts them on disk, chunk.go packs them, take.go stages them and decides,
// refresh.go does so in time. contains.go, names.go and check.go answer
// questions about what is kept.
//
// It knows no rules beyond how a host name is cleaned, signs nothing and tells
// nobody: collector/policy makes a version of what it keeps, and is told through
// Parts.Changed. Only collector/server builds it.
package lists
