// Command sbom prints the bill of materials of a program that was built with Go,
// in CycloneDX 1.5 JSON: what the program itself says it was linked from, with the
// licence of each module. The same program gives the same bytes. `make dist` runs
// it on each program that ships; it is no part of either.
//
//	go run ./installer/sbom -name safelight-agent -version 1.2.0 dist/safelight-agent
//
// Modules' licences are read from the module cache, which holds them wherever the
// program was built. The time in it is SOURCE_DATE_EPOCH, if that is set.
package main
