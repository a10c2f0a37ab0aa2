//go:build !linux && !darwin && !windows

package attribution

import "errors"

// SignedIn cannot say on this system who is signed in.
func SignedIn(string) ([]string, error) {
	return nil, errors.New("looking who is signed in: this system's sessions are not read")
}
