package watch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	safelightv1 "safelight/proto/safelight/v1"
)

// maxFile bounds what a broken collector can make the agent write.
const maxFile = 64 << 20

// Fetch writes a file that the collector named, in a command or a policy.
func (w *Watcher) Fetch(ctx context.Context, sha256 []byte, offset int64, to io.Writer) error {
	return w.fetch(ctx, sha256, offset, to)
}

// fetch writes a file of the policy, from offset on, as often as the stream
// breaks and something came.
func (w *Watcher) fetch(ctx context.Context, sha256 []byte, offset int64, to io.Writer) error {
	for {
		n, err := w.fetchFrom(ctx, sha256, offset, to)
		offset += n
		if err == nil || status.Code(err) != codes.Unavailable || n == 0 {
			return err
		}
	}
}

// fetchFrom says how many bytes came, whether or not the stream broke.
func (w *Watcher) fetchFrom(ctx context.Context, sha256 []byte, offset int64, to io.Writer) (n int64, err error) {
	ctx, cancel := context.WithCancel(ctx) // of a stream that is left early
	defer cancel()
	stream, err := w.parts.Client.FetchBlob(ctx, &safelightv1.FetchBlobRequest{Sha256: sha256, Offset: uint64(offset)})
	if err != nil {
		return 0, err
	}
	for {
		c, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if c.GetOffset() != uint64(offset+n) {
			return n, fmt.Errorf("fetching a file: piece at %d does not follow on", c.GetOffset())
		}
		if offset+n+int64(len(c.GetData())) > maxFile {
			return n, fmt.Errorf("fetching a file: it is over %d bytes", maxFile)
		}
		if _, err := to.Write(c.GetData()); err != nil {
			return n, fmt.Errorf("keeping a file: %w", err)
		}
		n += int64(len(c.GetData()))
	}
}
