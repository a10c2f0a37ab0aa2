package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"safelight/internal/packdir/heldback"
	"safelight/internal/rules"
)

// corpora judges the public lists in the folder that BENCH_CORPORA names; none
// is part of the repository, since their licences differ. Two forms are known:
//
//	*.txt, *.tsv             ordinary search queries, one a line; what stands before a
//	                         tab (a number, mostly) is not read. Bar 6.7.
//	*.jsonl, *.jsonl.gz      lines such as {"prompt": "...", "SH": 1}, as OpenAI's
//	                         moderation-api-release has them (samples-1680.jsonl.gz, MIT):
//	                         SH is 1 where a person called it self-harm. Bar 6.8.
func corpora(rs *rules.Ruleset, folder string) ([]row, error) {
	if folder == "" {
		return []row{
			{"words: public queries flagged", "SKIPPED: BENCH_CORPORA=FOLDER of .txt or .tsv", "at most 1 in 1,000 a high-risk category", ""},
			{"words: self-harm, labelled", "SKIPPED: BENCH_CORPORA=FOLDER with samples-1680.jsonl.gz", "precision 0.65 at recall 0.50", ""},
		}, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, fmt.Errorf("reading public lists in %s: %w", folder, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("reading public lists: no file in %s", folder)
	}
	var rows []row
	for _, name := range files {
		var r row
		switch base := filepath.Base(name); {
		case strings.HasSuffix(base, ".txt"), strings.HasSuffix(base, ".tsv"):
			r, err = publicQueries(rs, name)
		case strings.HasSuffix(base, ".jsonl"), strings.HasSuffix(base, ".jsonl.gz"):
			r, err = labelled(rs, name)
		default:
			continue
		}
		if err != nil {
			return rows, fmt.Errorf("judging %s: %w", name, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// publicQueries judges ordinary queries, and tells the high-risk category that
// flags the largest share.
func publicQueries(rs *rules.Ruleset, name string) (row, error) {
	list, err := heldback.Read(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if err != nil {
		return row{}, err
	}
	for i := range list {
		list[i].About = "" // a number, not a kind
	}
	c := heldback.Judge(rs, list, false)
	worst, most := "", -1
	for _, cat := range rs.Categories() {
		if n := c.In(cat.ID); cat.Risk != rules.RiskOrdinary && n > most {
			worst, most = cat.ID, n
		}
	}
	return row{
		"words: public queries, " + filepath.Base(name),
		fmt.Sprintf("most in %s: %.2f in 1,000 (%d of %d)", worst, 1000*float64(most)/float64(max(1, c.Lines)), most, c.Lines),
		"at most 1 in 1,000 a high-risk category", cmp.Or(topCategories(c), "none flagged"),
	}, nil
}

// aboutSelf are the categories that a label of self-harm is about.
var aboutSelf = []string{"self-harm", "suicide"}

// labelled holds what the rules say of self-harm beside what people said.
func labelled(rs *rules.Ruleset, name string) (row, error) {
	f, err := os.Open(name)
	if err != nil {
		return row{}, err
	}
	defer f.Close()
	in := io.Reader(f)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return row{}, err
		}
		in = z
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	var right, wrong, missed, n int
	for lines.Scan() {
		var l struct {
			Prompt string `json:"prompt"`
			SH     *int   `json:"SH"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return row{}, fmt.Errorf("reading a labelled line: %w", err)
		}
		if l.SH == nil {
			continue // nobody said
		}
		n++
		c := heldback.Judge(rs, []heldback.Line{{Text: l.Prompt}}, false)
		found := slices.ContainsFunc(aboutSelf, func(id string) bool { return c.In(id) > 0 })
		switch {
		case found && *l.SH == 1:
			right++
		case found:
			wrong++
		case *l.SH == 1:
			missed++
		}
	}
	return row{
		"words: self-harm, " + filepath.Base(name),
		fmt.Sprintf("precision %.2f, recall %.2f (%d right, %d wrong, %d missed of %d)",
			float64(right)/float64(max(1, right+wrong)), float64(right)/float64(max(1, right+missed)), right, wrong, missed, n),
		"precision 0.65 at recall 0.50", "",
	}, lines.Err()
}
