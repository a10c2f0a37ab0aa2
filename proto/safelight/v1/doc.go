// Package safelightv1 is what a device and its collector say to each other: the
// messages and services of the .proto files beside it, generated with `cd proto
// && buf generate --path safelight`. Devices in the field speak old revisions,
// so fields are only ever added; the tests in proto hold that. Rooms turn these
// messages into nouns of internal/event through internal/wire.
package safelightv1
