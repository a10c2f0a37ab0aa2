//go:build linux

// Command policyholder opens a policy folder as an agent does when it starts, over
// and over, and says what that took: microseconds of the median and the slowest
// tenth, and in KB the memory of its own before and after. It is small, so that
// what `make bench` reads is the policy's doing.
package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"safelight/agent/policy"
	"safelight/internal/event"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

const rounds = 50

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: policyholder FOLDER KEY")
		os.Exit(2)
	}
	if err := hold(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "policyholder:", err)
		os.Exit(1)
	}
}

func hold(folder, key string) error {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return err
	}
	id, err := pki.KeyID(ed25519.PublicKey(raw))
	if err != nil {
		return err
	}
	keys := func() []*safelightv1.PolicyKey { return []*safelightv1.PolicyKey{{KeyId: id, Ed25519Public: raw}} }
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	before, err := own()
	if err != nil {
		return err
	}
	var took []time.Duration
	var s *policy.Store
	for range rounds {
		if s != nil {
			if err := s.Close(); err != nil {
				return err
			}
		}
		runtime.GC() // an agent that starts has nothing of an earlier opening to clear away
		began := time.Now()
		if s, err = policy.Open(folder, "bench", keys, log); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	flagged := 0
	s.Use(func(set *rules.Ruleset, _, _ uint64) {
		for i := range 1000 {
			if set != nil && set.Judge(rules.Input{Kind: event.Domain, Text: fmt.Sprintf("www.name-%d.invented.example", i)}).Decision == rules.Flag {
				flagged++
			}
		}
	})
	after, err := own()
	if err != nil {
		return err
	}
	slices.Sort(took)
	fmt.Println(took[rounds/2].Microseconds(), took[rounds*9/10].Microseconds(), before, after, flagged)
	return s.Close()
}

// own is the anonymous memory of this process, in KB, with what it no longer
// needs given back.
func own() (int, error) {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, is := strings.CutPrefix(line, "RssAnon:"); is {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no RssAnon")
}
