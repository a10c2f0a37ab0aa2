// Command printversion prints the version that the linker stamped into it, for
// the test beside it.
package main

import (
	"fmt"

	"safelight/internal/version"
)

func main() { fmt.Println(version.String()) }
