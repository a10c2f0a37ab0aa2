package daemon

import (
	"context"
	"path/filepath"

	"safelight/agent/about"
	"safelight/internal/localstate"
)

// capAbout is what this agent announces on Watch, and the command that tells it of
// the school's About page.
const capAbout = "about"

func aboutKeeper(dir string) (*about.Keeper, error) {
	public, err := localstate.PublicDir(dir, "agent")
	if err != nil {
		return nil, err
	}
	return about.NewKeeper(filepath.Join(dir, "about"), public), nil
}

// layAbout has the page lie where everybody may read it. An agent that cannot lay it
// watches over the device all the same, and says so.
func layAbout(ctx context.Context, o Options) {
	k, err := aboutKeeper(o.Dir)
	if err == nil {
		_, err = k.Lay()
	}
	if err != nil {
		o.Log.WarnContext(ctx, "what this device records cannot be laid where its users may read it", "error", err.Error())
	}
}

// About reads what everybody may read of the agent on dir.
func About(dir string) (about.Copy, error) {
	public, err := localstate.PublicDir(dir, "agent")
	if err != nil {
		return about.Copy{}, err
	}
	return about.Read(public), nil
}
