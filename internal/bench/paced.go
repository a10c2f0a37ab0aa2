package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// pace is how many events a second a quiet measurement sends in all: what a
// hundred thousand devices flag on an average day comes to six.
const pace = 5000

// paced sends at a steady pace for a while and returns how long acknowledgements
// took, sorted. Each is counted from when its event was due, so that a stall
// counts for all who had to wait for it.
func paced(ctx context.Context, conns []*grpc.ClientConn) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, long+time.Minute)
	defer cancel()
	each := time.Duration(len(conns)) * time.Second / pace
	took := make([][]time.Duration, len(conns))
	failed := make(chan error, len(conns))
	var open, all sync.WaitGroup
	open.Add(len(conns))
	begin := make(chan time.Time)
	for i, c := range conns {
		all.Go(func() {
			d, err := openDevice(ctx, c, i)
			open.Done()
			began := <-begin
			due := began.Add(each * time.Duration(i) / time.Duration(len(conns)))
			for err == nil && due.Before(began.Add(long)) {
				if err = at(ctx, due); err == nil {
					err = d.one()
				}
				if err == nil {
					took[i] = append(took[i], time.Since(due))
				}
				due = due.Add(each)
			}
			if err != nil {
				failed <- err
			}
		})
	}
	open.Wait()
	now := time.Now()
	for range conns {
		begin <- now
	}
	all.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	return sorted, nil
}

// at waits for a moment.
func at(ctx context.Context, due time.Time) error {
	wait := time.NewTimer(time.Until(due))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
