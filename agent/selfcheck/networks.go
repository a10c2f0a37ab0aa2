package selfcheck

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// learning is how long a device gets to know a site's networks before one that
	// it has not met calls for a review: a laptop meets several in its first days.
	learning = 14 * 24 * time.Hour
	// A device that met more than these tells of no further ones.
	maxMet = 256
)

// Networks remembers which of the school's networks this device has met, so that
// a new one calls for a review (D7). It is told of those on the premises alone. It
// keeps them as numbers that nobody can turn back without this device's own key,
// and tells the collector of the site only.
type Networks struct {
	file string

	mu  sync.Mutex // guards what follows
	met metNetworks
}

// metNetworks is what the file holds.
type metNetworks struct {
	Key   []byte             `json:"key"`
	Sites map[string]metSite `json:"sites"`
	// Fresh are sites with a network that is new and not reported yet.
	Fresh []string `json:"fresh,omitempty"`
}

type metSite struct {
	Since time.Time `json:"since"`
	Met   []string  `json:"met"`
}

// OpenNetworks reads what was remembered in file. What cannot be read is learnt
// anew, and the error says so.
func OpenNetworks(file string) (*Networks, error) {
	n := &Networks{file: file}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &n.met)
	}
	if err != nil || len(n.met.Key) != sha256.Size {
		n.met = metNetworks{Key: newKey()}
	}
	if n.met.Sites == nil {
		n.met.Sites = map[string]metSite{}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n, fmt.Errorf("remembering the school's networks: %w; they are learnt anew", err)
	}
	return n, nil
}

func newKey() []byte {
	key, _ := hex.DecodeString(nonce() + nonce()) // never fails: it is hexadecimal
	return key
}

// At notes that the device is in these networks of a site of the school.
func (n *Networks) At(site string, nets []netip.Prefix, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, known := n.met.Sites[site]
	if !known && len(n.met.Sites) >= maxSites || site == "" || len(nets) == 0 {
		return nil
	}
	if !known || at.Since.After(now) { // the clock was put back
		at.Since = now.UTC().Round(0)
	}
	before := len(at.Met)
	for _, net := range nets {
		if id := n.number(site, net); len(at.Met) < maxMet && !slices.Contains(at.Met, id) {
			at.Met = append(at.Met, id)
		}
	}
	if len(at.Met) == before {
		return nil
	}
	if now.Sub(at.Since) >= learning && !slices.Contains(n.met.Fresh, site) {
		n.met.Fresh = append(n.met.Fresh, site)
	}
	n.met.Sites[site] = at
	return n.keep()
}

// number is what a network is remembered as.
func (n *Networks) number(site string, net netip.Prefix) string {
	mac := hmac.New(sha256.New, n.met.Key)
	mac.Write([]byte(site + "\x00" + net.String()))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Fresh are the sites with a network that is new to the device and not reported.
func (n *Networks) Fresh() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.met.Fresh)
}

// Told notes that a report of these sites is on its way.
func (n *Networks) Told(sites []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(sites) == 0 {
		return nil
	}
	n.met.Fresh = slices.DeleteFunc(n.met.Fresh, func(site string) bool { return slices.Contains(sites, site) })
	return n.keep()
}

// keep writes what is remembered, whole or not at all. It needs mu.
func (n *Networks) keep() error {
	data, err := json.Marshal(n.met)
	if err != nil {
		return fmt.Errorf("remembering the school's networks: %w", err)
	}
	return writeWhole(n.file, data, "remembering the school's networks")
}
