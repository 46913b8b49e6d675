package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// order maps each file and room to its position, counted from the top.
type order map[string]int

func readOrder(folder, file string) (order, error) {
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the order: %w", err)
		}
		return parseOrder(strings.Split(string(content), "\n"))
	}
	path := filepath.Join(folder, "doc.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return nil, fmt.Errorf("read the order: %w", err)
	}
	lines := section(parsed.Doc.Text())
	if len(lines) == 0 {
		return nil, fmt.Errorf(`%s: the package comment has no list below the heading "# Order"`, path)
	}
	return parseOrder(lines)
}

// section returns the list below the heading "Order" of a package comment.
func section(comment string) []string {
	var lines []string
	inside := false
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# ") {
			inside = line == "# Order"
		}
		if inside && strings.HasPrefix(line, "- ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// parseOrder numbers the names of a list. A line that begins with # is a comment.
func parseOrder(lines []string) (order, error) {
	positions := order{}
	for _, line := range lines {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- "))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		names, _, _ := strings.Cut(line, ":")
		for name := range strings.SplitSeq(names, ",") {
			name = strings.TrimSuffix(strings.TrimSpace(name), ".go")
			if _, twice := positions[name]; twice {
				return nil, fmt.Errorf("the order names %s twice", name)
			}
			positions[name] = len(positions)
		}
	}
	return positions, nil
}

// unlisted returns an error that names files and rooms with calls but no place in the order.
func unlisted(found *calls, positions order) error {
	missing := map[string]bool{}
	for call := range found.calls {
		for _, name := range []string{call.from, call.to} {
			if _, listed := positions[name]; !listed {
				missing[name] = true
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the order lacks %s", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
}

// unknown returns an error for names in the order that match no file or room.
func unknown(found *calls, positions order) error {
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(positions)) {
		if !found.places[name] {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("the order names %s, which the folder does not have", strings.Join(gone, ", "))
}
