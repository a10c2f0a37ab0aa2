package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"safelight/collector/model"
)

type slowBlobs struct {
	reads   atomic.Int64
	release chan struct{}
	err     error
}

func (s *slowBlobs) Blob(context.Context, model.SchoolID, [32]byte) ([]byte, error) {
	s.reads.Add(1)
	<-s.release
	return []byte("table"), s.err
}

func TestDevicesThatFetchAFileAtOnceShareOneCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &slowBlobs{release: make(chan struct{})}
		s := newSharing(from)
		var devices sync.WaitGroup
		var got atomic.Int64
		for range 50 {
			devices.Go(func() {
				data, done, err := s.get(t.Context(), "hill-lane", [32]byte{1})
				defer done()
				if err == nil && string(data) == "table" {
					got.Add(1)
				}
			})
		}
		gone, cancel := context.WithCancel(t.Context())
		devices.Go(func() {
			_, done, err := s.get(gone, "hill-lane", [32]byte{1})
			defer done()
			if !errors.Is(err, context.Canceled) && err != nil {
				t.Errorf("one that left: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(from.release)
		devices.Wait()
		if got.Load() != 50 || from.reads.Load() != 1 || len(s.open) != 0 {
			t.Errorf("%d got it, it was read %d times, %d are kept", got.Load(), from.reads.Load(), len(s.open))
		}
		// Another school's is another file.
		for _, school := range []model.SchoolID{"hill-lane", "other"} {
			_, done, err := s.get(t.Context(), school, [32]byte{1})
			done()
			done() // twice is once
			if err != nil {
				t.Error(err)
			}
		}
		if from.reads.Load() != 3 || len(s.open) != 0 {
			t.Errorf("read %d times, %d are kept", from.reads.Load(), len(s.open))
		}
	})
}

func TestAFileThatCannotBeReadIsTriedAnewByTheNext(t *testing.T) {
	from := &slowBlobs{release: make(chan struct{}), err: errors.New("disk")}
	close(from.release)
	s := newSharing(from)
	for want := int64(1); want <= 2; want++ {
		_, done, err := s.get(t.Context(), "hill-lane", [32]byte{1})
		done()
		if !errors.Is(err, from.err) || from.reads.Load() != want {
			t.Errorf("%v after %d reads", err, from.reads.Load())
		}
	}
}
