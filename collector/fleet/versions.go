package fleet

import (
	"strconv"
	"strings"
)

// behind says whether a device's version is older than ours. What is no release
// ("dev", a commit) is not judged.
func behind(version, ours string) bool {
	a, okA := release(version)
	b, okB := release(ours)
	if !okA || !okB {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// release reads "v1.4.2", and of "v1.4.2-3-gabc" the release it came after.
func release(version string) (parts [3]int, ok bool) {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
	fields := strings.Split(version, ".")
	if len(fields) != 3 {
		return parts, false
	}
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 {
			return parts, false
		}
		parts[i] = n
	}
	return parts, true
}
