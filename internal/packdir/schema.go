package packdir

import (
	"bytes"

	"safelight/packs"
)

// Schema is the JSON Schema (2020-12) of every file that a pack may hold. Editors
// complete and check by it as one types; rules.Compile decides.
func Schema() []byte { return bytes.Clone(packs.Schema) }
