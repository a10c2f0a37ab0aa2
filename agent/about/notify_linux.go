package about

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// notifyWithin is how long a desktop may take: a session waits for nobody's notice.
const notifyWithin = 10 * time.Second

// Notify says on the desktop of whoever has just signed in that Safelight is here. It
// asks the desktop by the freedesktop.org notification interface, through whichever
// program of the system speaks it.
func Notify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, notifyWithin)
	defer cancel()
	ways := [][]string{
		{"/usr/bin/notify-send", "--app-name=Safelight", "--icon=safelight", notifyTitle, notifyText},
		{
			"/usr/bin/gdbus", "call", "--session", "--dest=org.freedesktop.Notifications", "--object-path=/org/freedesktop/Notifications",
			"--method=org.freedesktop.Notifications.Notify", "Safelight", "0", "safelight", notifyTitle, notifyText, "[]", "{}", "10000",
		},
	}
	err := errors.New("this system has neither notify-send nor gdbus")
	for _, way := range ways {
		if _, missing := os.Stat(way[0]); missing != nil {
			continue
		}
		if err = exec.CommandContext(ctx, way[0], way[1:]...).Run(); err == nil { //nolint:gosec // constants of the list above
			return nil
		}
	}
	return fmt.Errorf("telling the desktop: %w; the login notice and the menu entry say the same", err)
}
