package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statement is a piece of SQL in this package's Go source.
type statement struct {
	where string
	text  string
}

// statements finds every string in the package's own source that is SQL, with
// the constants that are put together in it.
func statements(t *testing.T) []statement {
	t.Helper()
	files, err := filepath.Glob("*.go")
	must(t, err)
	set := token.NewFileSet()
	var parsed []*ast.File
	constants := map[string]ast.Expr{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		must(t, err)
		parsed = append(parsed, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						constants[name.Name] = spec.Values[i]
					}
				}
			}
			return true
		})
	}
	var all []statement
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			expr, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text := textOf(expr, constants)
			if !isSQL.MatchString(text) {
				return true
			}
			all = append(all, statement{set.Position(n.Pos()).String(), text})
			return false
		})
	}
	return all
}

var isSQL = regexp.MustCompile(`(?s)^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH) `)

// textOf puts a string expression together; what is not constant becomes "?".
func textOf(expr ast.Expr, constants map[string]ast.Expr) string {
	switch e := expr.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return textOf(e.X, constants) + textOf(e.Y, constants)
		}
	case *ast.Ident:
		if value, ok := constants[e.Name]; ok {
			return textOf(value, constants)
		}
	case *ast.CallExpr:
		return "?"
	}
	return ""
}

var (
	tableUse  = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+)`)
	clockRead = regexp.MustCompile(`(?i)current_timestamp|current_time|current_date|\bnow\s*\(|strftime|datetime|julianday|unixepoch|localtimestamp`)
)

// notOfASchool are the tables that belong to no school.
var notOfASchool = map[string]bool{"migrations": true, "sqlite_master": true}

// withoutSchool are the statements that may look past schools, and why.
var withoutSchool = map[string]string{
	"SELECT school_id, name, trial, created FROM schools ORDER BY school_id":          "lists the schools themselves",
	"SELECT school_id, severity, MIN(turn) FROM pending GROUP BY school_id, severity": "reads each school's own at start",
}

func TestEveryStatementOnASchoolsTableNamesTheSchool(t *testing.T) {
	all := statements(t)
	if len(all) < 50 {
		t.Fatalf("found only %d statements: does this test still see them?", len(all))
	}
	for _, s := range all {
		if _, ok := withoutSchool[strings.Join(strings.Fields(s.text), " ")]; ok {
			continue
		}
		uses := 0
		for _, m := range tableUse.FindAllStringSubmatch(s.text, -1) {
			if !notOfASchool[m[1]] && m[1] != "SET" {
				uses++
			}
		}
		if uses == 0 {
			continue
		}
		if !namesSchool(s.text) {
			t.Errorf("%s: no school in %q", s.where, s.text)
		}
		joined := schoolJoin.FindAllStringSubmatch(s.text, -1)
		for _, m := range joined {
			if m[1] != m[2] {
				t.Errorf("%s: table %s is joined without its school in %q", s.where, m[1], s.text)
			}
		}
		if len(joined) != strings.Count(s.text, "JOIN ") {
			t.Errorf("%s: a table is joined without its school in %q", s.where, s.text)
		}
	}
}

// schoolJoin is a join whose first condition is the school.
var schoolJoin = regexp.MustCompile(`JOIN\s+[a-z_]+\s+([a-z]+)\s+ON\s+([a-z]+)\.school_id\s*=`)

// namesSchool says whether a statement binds the school: as its first condition
// or its first value.
func namesSchool(text string) bool {
	if strings.HasPrefix(strings.TrimSpace(text), "INSERT INTO") && strings.Contains(text, "(school_id") {
		return true
	}
	return regexp.MustCompile(`(?s)WHERE\s+([a-z]+\.)?school_id = \$1`).MatchString(text)
}

func TestNoStatementReadsTheClock(t *testing.T) {
	for _, s := range statements(t) {
		if found := clockRead.FindString(s.text); found != "" {
			t.Errorf("%s: reads the clock with %s", s.where, found)
		}
	}
	paths, err := filepath.Glob("migration/*.sql")
	must(t, err)
	for _, path := range append(paths, "schema.sql") {
		text, err := os.ReadFile(path)
		must(t, err)
		if found := clockRead.FindString(withoutComments(string(text))); found != "" {
			t.Errorf("%s reads the clock with %s", path, found)
		}
	}
}

func TestEveryTableBeginsWithItsSchool(t *testing.T) {
	text, err := os.ReadFile("schema.sql")
	must(t, err)
	for _, m := range regexp.MustCompile(`(?s)CREATE TABLE ([a-z_]+) \((.*?)\n\);`).FindAllStringSubmatch(withoutComments(string(text)), -1) {
		if !strings.HasPrefix(strings.TrimSpace(m[2]), "school_id TEXT NOT NULL") || !strings.Contains(m[2], "PRIMARY KEY (school_id") {
			t.Errorf("table %s does not begin its columns and its key with school_id", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`CREATE (?:UNIQUE )?INDEX [a-z_]+ ON ([a-z_]+) \(([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
		if m[2] != "school_id" {
			t.Errorf("an index of %s begins with %s", m[1], m[2])
		}
	}
}

// TestSQLServesPostgreSQLToo lists what only SQLite understands.
func TestSQLServesPostgreSQLToo(t *testing.T) {
	only := regexp.MustCompile(`(?i)autoincrement|without rowid|\bstrict\b|\bglob\b|ifnull|insert or |replace into|rowid|\bpragma\b|datetime|\bblob\b|\binteger\b|json_each|\?[0-9]`)
	for _, s := range statements(t) {
		if found := only.FindString(s.text); found != "" {
			t.Errorf("%s: PostgreSQL knows no %q", s.where, found)
		}
	}
	text, err := os.ReadFile("schema.sql")
	must(t, err)
	if found := only.FindString(withoutComments(string(text))); found != "" {
		t.Errorf("schema.sql: PostgreSQL knows no %q", found)
	}
}

func withoutComments(text string) string {
	return regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, "")
}
