// Package packs carries the rule packs that ship: starter, which a school
// begins with and may change; protected, which names what nothing may flag (G5),
// and locked, which nobody can switch off (D12), neither of which a school may
// change or leave out; and the schema of their files. It is data and nothing
// else. Only internal/packdir reads it; a running agent judges by its signed
// manifest, never by what is embedded here.
package packs

import "embed"

// FS holds the folders starter, protected and locked.
//
//go:embed starter/*.yaml starter/weights/*.txt protected/*.yaml locked/*.yaml
var FS embed.FS

// Schema is the JSON Schema (2020-12) of a pack's files, for editors.
//
//go:embed rules.schema.json
var Schema []byte
