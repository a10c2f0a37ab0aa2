//go:build linux || darwin

package attribution

import (
	"context"
	"strings"
	"testing"
	"time"

	"safelight/agent/macos"
	"safelight/internal/event"
)

func TestAMacsAccountsAreNamed(t *testing.T) {
	ask := func(_ context.Context, _ uint32) ([]byte, error) {
		lines := "pupil07:*:501:20::/Users/pupil07:\n_mdnsresponder:*:65:65::/var/empty:\n"
		return []byte(lines), nil
	}
	p := newPeople(files{t.TempDir()}, time.Now, ask)
	defer p.close()
	uid := uint32(501)
	owner := event.Owner{UID: &uid}
	p.name(&owner, who{uid: 501, known: true}, macos.Person)
	if owner.User != "pupil07" || owner.Reason != "" {
		t.Errorf("%+v", owner)
	}
	owner = event.Owner{}
	p.name(&owner, who{uid: 65, known: true}, macos.Person)
	if owner.User != "" || owner.Reason != event.ReasonResolver {
		t.Errorf("the resolver's account: %+v", owner)
	}
	owner = event.Owner{}
	p.name(&owner, who{uid: 777, known: true}, macos.Person)
	if owner.User != "" || owner.Reason != event.ReasonNoName || !strings.Contains(owner.Unknown, "no name") {
		t.Errorf("no account: %+v", owner)
	}
}
