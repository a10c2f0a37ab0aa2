package localstate

import (
	"os"
	"os/user"
	"strconv"
)

// Self names the operating-system user of this process.
func Self() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}
