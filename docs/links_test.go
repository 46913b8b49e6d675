package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the checkout: links are checked in every Markdown file of it.
const root = ".."

var (
	fence      = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	code       = regexp.MustCompile("`[^`\n]+`")
	link       = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	withTarget = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	unnamed    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// markdown lists the Markdown files of the checkout, relative to root. Directories that git ignores hold what was built.
func markdown(t *testing.T) []string {
	t.Helper()
	ignored := []string{".git", ".cluster", "bin", "dist"}
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(ignored, entry.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			found = append(found, strings.TrimPrefix(path, root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// prose returns a file without its code blocks.
func prose(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return fence.ReplaceAllString(string(content), "")
}

// anchors returns the anchors of a page's headings, as GitHub and the site name them.
func anchors(t *testing.T, name string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(prose(t, name), -1) {
		title := withTarget.ReplaceAllString(strings.ToLower(strings.TrimSpace(match[1])), "$1")
		anchor := "#" + strings.ReplaceAll(unnamed.ReplaceAllString(title, ""), " ", "-")
		unique := anchor
		for n := 1; found[unique]; n++ {
			unique = anchor + "-" + strconv.Itoa(n)
		}
		found[unique] = true
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	pages := markdown(t)
	if len(pages) < 20 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	for _, from := range pages {
		text := strings.ReplaceAll(code.ReplaceAllString(prose(t, from), ""), "\n", " ")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], ":") {
				continue
			}
			target := from
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(from), match[1])
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", from, match[1])
			} else if match[2] != "" && !anchors(t, target)[match[2]] {
				t.Errorf("%s: %s has no heading %s", from, target, match[2])
			}
		}
	}
}

// named returns the files and directories that a page names in code.
var named = regexp.MustCompile("`((?:api|certs|charts|cmd|config|docs|e2e|hack|internal|rollout|webhook)/[^` *]*|[a-z_.]+\\.(?:go|yml))`")

// TestArchitectureNamesWhatExists keeps the map of the code up to date when files move.
func TestArchitectureNamesWhatExists(t *testing.T) {
	found := named.FindAllStringSubmatch(prose(t, "docs/architecture.md"), -1)
	if len(found) < 40 {
		t.Fatalf("only %d names of files were found", len(found))
	}
	for _, match := range found {
		if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
			t.Errorf("docs/architecture.md names %s, which does not exist", match[1])
		}
	}
}
