package timetable

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvColumns are a CSV timetable's, which its first line names. A line is a
// period, a term, a holiday or an inset day; the zone has a line of its own:
//
//	what,site,name,kind,days,week,from,to
//	zone,,Europe/London,,,,,
//	period,,Period 1,lesson,mon-fri,A,09:00,10:00
//	term,,Autumn,,,A,2026-09-03,2026-12-18
//	inset,,,,,,2026-09-02,
var csvColumns = []string{"what", "site", "name", "kind", "days", "week", "from", "to"}

func readCSV(data []byte) (Plan, error) {
	lines := csv.NewReader(bytes.NewReader(data))
	lines.FieldsPerRecord = -1
	lines.Comma = delimiter(data)
	var at []int
	var p Plan
	sites := map[string]int{}
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Plan{}, fmt.Errorf("%w", err)
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // spreadsheets export the empty rows beneath
		}
		line, _ := lines.FieldPos(0)
		if at == nil {
			if at, err = columns(cells); err != nil {
				return Plan{}, fmt.Errorf("line %d: %w", line, err)
			}
			continue
		}
		row := map[string]string{}
		for i, name := range csvColumns {
			if at[i] >= 0 && at[i] < len(cells) {
				row[name] = strings.TrimSpace(cells[at[i]])
			}
		}
		if err := csvRow(&p, sites, row); err != nil {
			return Plan{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
	return fillSites(p), nil
}

// delimiter is a semicolon or a tab where the header has more of those than
// commas.
func delimiter(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	best := ','
	for _, r := range ";\t" {
		if bytes.Count(line, []byte(string(r))) > bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}

func columns(cells []string) ([]int, error) {
	at := make([]int, len(csvColumns))
	for i := range at {
		at[i] = -1
	}
next:
	for j, cell := range cells {
		for i, name := range csvColumns {
			if strings.EqualFold(strings.TrimSpace(cell), name) {
				at[i] = j
				continue next
			}
		}
		return nil, fmt.Errorf("column %q is not known: want %s", cell, strings.Join(csvColumns, ","))
	}
	if at[0] < 0 || at[6] < 0 {
		return nil, fmt.Errorf("want the columns %s", strings.Join(csvColumns, ","))
	}
	return at, nil
}

func csvRow(p *Plan, sites map[string]int, row map[string]string) error {
	what := strings.ToLower(row["what"])
	if what == "zone" {
		if p.Zone != "" {
			return errors.New("the zone stands there twice")
		}
		p.Zone = row["name"]
		return nil
	}
	name := row["site"]
	i, ok := sites[fold(name)]
	if !ok {
		i = len(p.Sites)
		sites[fold(name)] = i
		p.Sites = append(p.Sites, Site{Name: name})
	}
	s := &p.Sites[i]
	if what == "period" {
		period, err := makePeriod(row["name"], row["kind"], row["days"], row["week"], row["from"], row["to"])
		s.Periods = append(s.Periods, period)
		return err
	}
	span, err := makeSpan(row["name"], row["from"], row["to"])
	if err != nil {
		return err
	}
	switch what {
	case "term":
		week, err := ParseWeek(row["week"])
		s.Terms = append(s.Terms, Term{span, week})
		return err
	case "holiday":
		s.Holidays = append(s.Holidays, span)
	case "inset":
		s.Inset = append(s.Inset, span)
	default:
		return fmt.Errorf("what %q: want zone, period, term, holiday or inset", row["what"])
	}
	return nil
}

// fillSites gives each site what stands in the file for every site.
func fillSites(p Plan) Plan {
	var all Site
	for _, s := range p.Sites {
		if s.Name == "" {
			all = s
		}
	}
	out := Plan{Zone: p.Zone}
	for _, s := range p.Sites {
		if s.Name != "" {
			out.Sites = append(out.Sites, s.or(all))
		} else if len(p.Sites) == 1 || len(s.Periods) > 0 && len(s.Terms) > 0 {
			out.Sites = append(out.Sites, s)
		}
	}
	return out
}
