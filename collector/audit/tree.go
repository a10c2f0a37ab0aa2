package audit

import "golang.org/x/mod/sumdb/tlog"

// tree grows from leaves and holds no more than one hash a level: that of each
// complete subtree at its right edge.
//
//	7 leaves:   edge[0] over 0-3, edge[1] over 4-5, edge[2] over 6
type tree struct {
	size int64
	edge []tlog.Hash
}

// add appends a leaf and returns the stored hashes that come with it, in the
// order in which tlog numbers them.
func (t *tree) add(leaf []byte) []tlog.Hash {
	h := tlog.RecordHash(leaf)
	grown := []tlog.Hash{h}
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		grown = append(grown, h)
	}
	t.edge = append(t.edge, h)
	t.size++
	return grown
}

// root is the hash of the whole tree; of an empty one, tlog's of nothing.
func (t *tree) root() tlog.Hash {
	if len(t.edge) == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads nothing
		return h
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}
