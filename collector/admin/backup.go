package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// BackupRequest asks for a backup.
type BackupRequest struct {
	// Reader is an age recipient of the caller's, of this one call: the backup
	// opens to it too, so that the caller can read back what was written
	// without the recovery key, which is not on this machine.
	Reader string `json:"reader"`
}

// PreparedBackup is a backup whose snapshot is taken.
type PreparedBackup interface {
	Size() int64 // about
	Write(ctx context.Context, w io.Writer) error
	Close() error
}

// sizeHeader says about how long the answer is; errorTrailer says why it is not
// whole.
const (
	sizeHeader   = "Safelight-Size"
	errorTrailer = "Safelight-Error"
)

// backup answers with the bytes of a backup as they are made.
func (a *Admin) backup(w http.ResponseWriter, r *http.Request) {
	var req BackupRequest
	if err := decode(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		refuse(w, usagef("reading the request: %w", err))
		return
	}
	ctx := acting(r.Context())
	b, err := a.Backup(ctx, req.Reader)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", errorTrailer)
	w.Header().Set(sizeHeader, strconv.FormatInt(b.Size(), 10))
	err = b.Write(ctx, w)
	if cerr := b.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("removing the snapshot: %w", cerr)
	}
	if err != nil {
		w.Header().Set(errorTrailer, strconv.Quote(err.Error()))
		a.Log.ErrorContext(ctx, "writing a backup failed", "error", err)
	}
}
