// Package about is what a school tells everybody, before it matters, about what
// Safelight does: the page on `listen.public`, and the copy of it that every device
// keeps (D20). It is written anew from what is in force: the published rules, the
// school's people, its configuration. There is nothing that hides it.
//
// It promises: nobody signs in; no cookie is set, nothing about a visit is logged,
// counted by address or passed on; it needs no script; what stands on it is what
// holds, and what is not known it says is not known (G2, G4). What it does not do:
// it takes no message from anybody (the form is not built), it names nobody but
// whom the school's configuration names.
//
// Its sentences are in words.go and plain.go; eleven-year-olds read them. It is
// handed facts and a clock; only collector/server builds it.
package about
