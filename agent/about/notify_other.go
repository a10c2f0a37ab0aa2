//go:build !linux

package about

import (
	"context"
	"errors"
)

// Notify is for Linux desktops.
func Notify(context.Context) error {
	return errors.New("telling the desktop \"" + notifyTitle + ": " + notifyText + "\": only built for Linux; use --open")
}
