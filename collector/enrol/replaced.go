package enrol

import (
	"context"
	"time"
)

const (
	// tellEvery is how seldom it is told that one ended key comes, which it does
	// every minute for as long as its laptop is on.
	tellEvery = 24 * time.Hour
	// tellAgain is when it is tried again where telling failed.
	tellAgain = time.Hour
)

// TellEnded has tell called when a device comes with a key that ended when it was set
// up anew: once a day for each key. It is called before the gate lets anybody in.
func (g *Gate) TellEnded(tell func(ctx context.Context, device string) error) { g.tell = tell }

// refuseEnded tells that a key that has ended came, unless that was told today.
func (g *Gate) refuseEnded(ctx context.Context, key endedKey) {
	now := g.now()
	g.mu.Lock()
	due := g.tell != nil && g.ended[key] && !now.Before(g.told[key])
	if due {
		g.told[key] = now.Add(tellEvery)
	}
	g.mu.Unlock()
	if !due {
		return
	}
	// The call is refused at once, and its device may be gone before this is written.
	if err := g.tell(context.WithoutCancel(ctx), key.device); err != nil {
		g.log.ErrorContext(ctx, "noting that a device is refused failed", "device", key.device, "error", err.Error())
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.ended[key] {
			g.told[key] = now.Add(tellAgain)
		}
	}
}
