//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"safelight/internal/rules/names"
)

// listedNames measures the table of listed names: five million of them, beside a
// Go map of the same.
func listedNames(ctx context.Context, _ string) ([]row, error) {
	c, err := newCorpus(ctx)
	if err != nil {
		return nil, err
	}
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, err
	}
	began, cpu := time.Now(), cpuTime()
	b, err := names.Build(c.entries(), len(c.names), key)
	if err != nil {
		return nil, err
	}
	took, spent := time.Since(began), cpuTime()-cpu
	rows := []row{
		{"names: bytes a name", fmt.Sprintf("%.2f, %d names, %d of them real, %d sets", float64(len(b))/float64(len(c.names)), len(c.names), c.real, c.kinds), "at most 6", "the names alone " + meanLength(c.names) + " bytes each"},
		{"names: building the table", fmt.Sprintf("%.1f s, %.1f s of CPU", took.Seconds(), spent.Seconds()), "under 60 s", ""},
	}
	held, err := openTable(ctx, b, c)
	if err != nil {
		return rows, err
	}
	defer held.close()
	rows = append(rows, held.memory)
	for _, measure := range []func(context.Context, *names.Table, *corpus) ([]row, error){wrongSets, delta, strangers, besideMap} {
		more, err := measure(ctx, held.table, c)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func meanLength(all []string) string {
	n := 0
	for _, name := range all {
		n += len(name)
	}
	return fmt.Sprintf("%.1f", float64(n)/float64(len(all)))
}

// wrongSets looks every name up again.
func wrongSets(_ context.Context, t *names.Table, c *corpus) ([]row, error) {
	wrong := 0
	for i, name := range c.names {
		got := ^uint32(0)
		t.Each(name, func(start int, set uint32) bool {
			if start == 0 {
				got = set
			}
			return false
		})
		if got != c.sets[i] {
			wrong++
		}
	}
	figure := row{"names: listed names with a wrong set, or none", fmt.Sprint(wrong), "0", ""}
	if wrong > 0 {
		return []row{figure}, fmt.Errorf("%d names have a wrong set", wrong)
	}
	return []row{figure}, nil
}

// deltaNames is how many names a day's update changes.
const deltaNames = 5000

// day is what a list gains and loses in a day: four fifths new, a fifth gone.
func (c *corpus) day() (adds []names.Entry, removes []string) {
	for i := range deltaNames {
		if i%5 == 0 {
			removes = append(removes, c.names[i*977%len(c.names)])
		} else {
			adds = append(adds, names.Entry{Name: madeUp(uint32(corpusSize + i)), Set: uint32(i % c.kinds)})
		}
	}
	return adds, removes
}

// delta makes the overlay of a day.
func delta(_ context.Context, t *names.Table, c *corpus) ([]row, error) {
	adds, removes := c.day()
	b, err := names.BuildOverlay(t, adds, removes)
	return []row{{"names: bytes of a delta of 5,000 names", fmt.Sprint(len(b)), "at most 60 KB", fmt.Sprintf("%d sets among them", min(c.kinds, len(adds)))}}, err
}

const (
	timedHosts  = 500_000
	timedRounds = 7
)

// besideMap times look-ups of hosts with all their parents beside a Go map, and
// again with a day's changes.
func besideMap(_ context.Context, t *names.Table, c *corpus) ([]row, error) {
	peer := make(map[string]uint8, len(c.names))
	for i, name := range c.names {
		peer[name] = uint8(c.sets[i])
	}
	rows, err := timed(t, peer, c, "")
	if err != nil {
		return rows, err
	}
	adds, removes := c.day()
	for _, e := range adds {
		peer[e.Name] = uint8(e.Set)
	}
	for _, name := range removes {
		delete(peer, name)
	}
	b, err := names.BuildOverlay(t, adds, removes)
	if err != nil {
		return rows, err
	}
	o, err := names.OpenOverlay(b)
	if err != nil {
		return rows, err
	}
	if t, err = t.With(o); err != nil {
		return rows, err
	}
	more, err := timed(t, peer, c, ", with a delta")
	return append(rows, more...), err
}

func timed(t *names.Table, peer map[string]uint8, c *corpus, how string) (rows []row, err error) {
	var hits, misses []string
	for i := range timedHosts {
		www := []string{"", "www."}[i%2]
		hits = append(hits, www+c.names[i*7_919_993%len(c.names)])
		misses = append(misses, www+madeUp(uint32(corpusSize+2*deltaNames+i)))
	}
	for _, one := range []struct {
		what  string
		hosts []string
	}{{"listed", hits}, {"not listed", misses}} {
		hosts := strings.Split(strings.Join(one.hosts, "\n"), "\n") // side by side, as in packets
		var ours, theirs []float64
		a, b := 0, 0
		for range timedRounds {
			ours = append(ours, eachHost(hosts, func(host string) { t.Each(host, func(int, uint32) bool { a++; return true }) }))
			theirs = append(theirs, eachHost(hosts, func(host string) { walk(peer, host, func() { b++ }) }))
		}
		if a != b {
			return rows, fmt.Errorf("hosts %s: the table found %d and the map %d", one.what, a, b)
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		mine, map1 := ours[len(ours)/2], theirs[len(theirs)/2]
		rows = append(rows, row{
			"names: a host " + one.what + ", with all parents" + how, fmt.Sprintf("%.0f ns, %.2f of the map", mine, mine/map1), "at most 1.00 of the map",
			fmt.Sprintf("Go map[string]uint8 of the same names, same walk: %.0f ns", map1),
		})
	}
	return rows, nil
}

// walk looks a host and its parents of two labels and more up in a map.
func walk(m map[string]uint8, host string, visit func()) {
	for {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			return
		}
		if _, ok := m[host]; ok {
			visit()
		}
		host = host[dot+1:]
	}
}

// eachHost gives nanoseconds of CPU a host.
func eachHost(hosts []string, f func(host string)) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	for _, host := range hosts {
		f(host)
	}
	return float64(threadTime()-began) / float64(len(hosts))
}
