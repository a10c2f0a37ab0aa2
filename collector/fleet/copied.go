package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"safelight/collector/model"
)

// An image that was taken of a laptop with the agent's key on it makes many devices of
// one. Copied after it had enrolled, they come as one device, and split; copied before,
// each enrols for itself, with one key between them. IT is told once, and how many.

// causeCopied is of a device that others have the identity of.
func (b *drawing) causeCopied(d *model.LedgerDevice) (model.Cause, bool) {
	c, ok := b.copied[d.ID]
	if !ok {
		return model.Cause{}, false
	}
	return copiedCause("It", c), true
}

func copiedCause(who string, c model.Copied) model.Cause {
	text := fmt.Sprintf("%s was copied after it had enrolled: %s called with its key", who, plural(uint64(c.Noticed), "copy", "copies"))
	out := model.Cause{Code: model.CauseCopied, Since: c.First}
	switch {
	case c.Waiting == 0 && c.Own < c.Noticed: // switched off, or asleep
		out.Text = fmt.Sprintf("%s, and %d did not become a device of its own and did not call in the last hour.", text, c.Noticed-c.Own)
		out.Mend = "They are told again when they call. An agent that is too old to split is enrolled by hand with a token."
	case c.Waiting == 0 && c.Noticed == 1:
		out.Text = text + ", and became a device of its own."
	case c.Waiting == 0:
		out.Text = text + ", and each became a device of its own."
	default:
		out.Unproves = true
		out.Text = fmt.Sprintf("%s, and %d of them %s not devices of their own yet: what those notice stands under its name.", text, c.Waiting, isAre(c.Waiting))
		out.Mend = "Each becomes one by itself, most within minutes. If some do not: a trial school has room for five devices, and an agent that is too old to split is enrolled by hand with a token."
	}
	return out
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// causeSharedKey is of a device that has one key with others.
func (b *drawing) causeSharedKey(d *model.LedgerDevice) (model.Cause, bool) {
	key, ok := b.keyOf[d.ID]
	others := len(b.keys[key]) - 1
	if !ok || others < 1 {
		return model.Cause{}, false
	}
	return model.Cause{
		Code: model.CauseSharedKey, Mend: sharedKeyMend,
		Text: fmt.Sprintf("It has one key with %s, as its disk was copied after the agent had made it.", plural(uint64(others), "other device", "other devices")),
	}, true
}

const sharedKeyMend = "Each is seen and told apart, but whoever has one of them could speak as another. Enrol each anew: stop the agent, remove identity.json and device.key from its state folder, and enrol it with a new token. Take both files out of the image."

// copiesNamed is how many devices a line for many of them names.
const copiesNamed = 3

// noteCopies has one line for each image.
func (b *drawing) noteCopies() {
	names := map[string]string{}
	for _, d := range b.out.Devices {
		names[d.ID] = cmp.Or(d.Name, d.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(b.copied)) {
		if name, ok := names[id]; ok && id != "" {
			b.out.Notes = append(b.out.Notes, copiedCause(name, b.copied[id]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		if n := len(b.keys[key]); n > 1 {
			b.out.Notes = append(b.out.Notes, model.Cause{
				Code: model.CauseSharedKey, Mend: sharedKeyMend,
				Text: fmt.Sprintf("%d enrolled devices have one key between them, as their disk was copied after the agent had made it: %s.", n, someOf(b.keys[key])),
			})
		}
	}
}

// someOf names a few, and counts the rest.
func someOf(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) <= copiesNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:copiesNamed], ", "), len(names)-copiesNamed)
}
