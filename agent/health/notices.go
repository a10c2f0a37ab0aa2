package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// lookAtNotices says that something which tells people of Safelight is missing (D20).
// The page for everybody is put back; what lies where the agent may not write is not.
func (w *Watcher) lookAtNotices(ctx context.Context, now mark) {
	if w.Lay != nil {
		mended, err := w.Lay()
		if failed := fmt.Sprint(err); failed != w.layFailed {
			w.layFailed = failed
			w.note(ctx, err) // once, and not each minute
		}
		if len(mended) > 0 && w.began {
			w.tell(now, NoticeMissing, "The page that tells people of Safelight was removed or changed, and is back.")
		}
	}
	var missing, back []string
	for _, path := range w.Places.Notices {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			w.missing[path] = 0
			if slices.Contains(w.kept.Missing, path) {
				back = append(back, path)
			}
			continue
		}
		if w.missing[path]++; w.missing[path] >= looks && !slices.Contains(w.kept.Missing, path) {
			missing = append(missing, path)
		}
	}
	if len(missing) > 0 {
		w.kept.Missing = append(w.kept.Missing, missing...)
		w.tell(now, NoticeMissing, "What tells people of Safelight is missing on this device: "+strings.Join(missing, ", ")+". Install the package again to have it back.")
	}
	if len(back) > 0 {
		w.kept.Missing = slices.DeleteFunc(w.kept.Missing, func(path string) bool { return slices.Contains(back, path) })
		w.tell(now, NoticeBack, "What tells people of Safelight is there again: "+strings.Join(back, ", ")+".")
	}
}
