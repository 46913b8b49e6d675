// Package docs checks that the documentation has every message and that its links work.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// page returns a page as one line, because sentences may be wrapped.
func page(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(content)), " ")
}

// sources returns the files of a package and of those below it, without their tests, or one file.
func sources(t *testing.T, path string) []*ast.File {
	t.Helper()
	var names []string
	err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".go" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// text returns the value of a string literal or of a concatenation of several. Empty for anything else.
func text(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.BasicLit:
		value, _ := strconv.Unquote(e.Value)
		return value
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return ""
}

func isEvent(literal *ast.CompositeLit) bool {
	name, ok := literal.Type.(*ast.Ident)
	return ok && name.Name == "Event"
}

// reasonOf returns the reason of an event in the code. An empty reason counts as undocumented.
func reasonOf(event *ast.CompositeLit) string {
	for _, element := range event.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Reason" {
				return text(pair.Value)
			}
		}
	}
	return ""
}

func TestEveryEventIsDocumented(t *testing.T) {
	var reasons []string
	for _, file := range sources(t, "../rollout/events") {
		ast.Inspect(file, func(node ast.Node) bool {
			if event, ok := node.(*ast.CompositeLit); ok && isEvent(event) {
				reasons = append(reasons, reasonOf(event))
			}
			return true
		})
	}
	if len(reasons) < 20 {
		t.Fatalf("only %d events were found", len(reasons))
	}
	documented := page(t, "explanation/rollout.md") + page(t, "reference/troubleshooting.md")
	for _, reason := range reasons {
		if !strings.Contains(documented, "`"+reason+"`") {
			t.Errorf("event %s is neither in rollout.md nor in troubleshooting.md", reason)
		}
	}
}

// speakers are the functions that take a message for users at this position, by package. Messages of config follow the path of
// an annotation, and the table of settings has the allowed values.
var speakers = map[string]map[string]int{
	"../internal/admission":       {"warn": 0, "warnOfChange": 0, "Errorf": 0, "Invalid": 2, "Sprintf": 0},
	"../internal/workload":        {"Errorf": 0},
	"../config/policy/present.go": {"Sprintf": 0},
	"../rollout":                  {"Sprintf": 0, "say": 1, "waitFor": 1, "letSettle": 2, "decideOutcome": 2, "rollBack": 1},
}

var (
	verb = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z%]`)
	// inner marks errors that only wrap another one, which is documented itself, or that no user sees.
	inner = regexp.MustCompile(`%w|%T|^must be JSON`)
)

// fixed returns the start of the longest constant part of a format. A page may cut the rest.
func fixed(format string) string {
	const enough = 32
	longest := slices.MaxFunc(verb.Split(format, -1), func(a, b string) int { return len(a) - len(b) })
	longest = strings.Trim(longest, " :;,.()")
	if len(longest) <= enough {
		return longest
	}
	return longest[:strings.LastIndex(longest[:enough], " ")]
}

// called returns the name of the function or method of a call.
func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	}
	return ""
}

func TestEveryMessageIsInTroubleshooting(t *testing.T) {
	documented, found, spoken := page(t, "reference/troubleshooting.md"), 0, map[string]bool{}
	for directory, places := range speakers {
		for _, file := range sources(t, directory) {
			ast.Inspect(file, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok {
					return true
				}
				place, speaks := places[called(call)]
				if !speaks || place >= len(call.Args) {
					return true
				}
				message := text(call.Args[place])
				if message != "" {
					spoken[directory+" "+called(call)] = true
				}
				part := fixed(message)
				if len(part) < 12 || inner.MatchString(message) {
					return true
				}
				if found++; !strings.Contains(documented, part) {
					t.Errorf("%s says %q, of which %q is not in troubleshooting.md", directory, message, part)
				}
				return true
			})
		}
	}
	for directory, places := range speakers {
		for name, place := range places {
			if !spoken[directory+" "+name] {
				t.Errorf("no call of %s in %s has a message as argument %d: correct speakers", name, directory, place)
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d messages were found", found)
	}
}
