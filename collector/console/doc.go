// Package console is what people see: an http.Handler that signs staff in,
// shows them the alerts they may see and records every look. It holds no SQL
// (it declares the Store it needs), no clock and no listener of its own; the
// server hands those in.
//
// Three promises shape it. Nothing about a person leaves the handler before
// its access row is written. What is not yours answers exactly like what does
// not exist (G3). Every sentence says what a device saw, never what somebody
// did (G15); most live in words.go, and a test reads every string there is.
//
// Pages work without script; the one small script covers names and the page
// sooner than a round trip could. Only the server's assembly room imports it.
package console
