package rules

import "slices"

// Roles lists the roles that a category's action may name and that Input.Role
// may be.
func Roles() []string { return slices.Clone(roleNames) }
