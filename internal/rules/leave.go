package rules

import "slices"

// Exemptable lists the categories that a class may be given leave from (G16).
// Whoever gives leave asks here; Judge holds to the same list.
func Exemptable() []string { return slices.Clone(exemptable) }
