// Package hack tests what concerns the whole repository.
package hack

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = ".."

func TestDependabotKnowsEveryModule(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, ".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(content)) {
		if folder, isItem := strings.CutPrefix(strings.TrimSpace(line), "- /"); isItem {
			listed = append(listed, "/"+folder)
		}
	}
	slices.Sort(listed)
	if modules := modules(t); !slices.Equal(listed, modules) {
		t.Errorf("dependabot.yml lists\n%v, the modules are\n%v", listed, modules)
	}
}

// modules returns the folders of the checkout that have a go.mod, as paths from its root.
func modules(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// Skip build output and Git's own files.
		if entry.IsDir() && slices.Contains([]string{".git", ".cluster", "bin", "dist"}, entry.Name()) {
			return fs.SkipDir
		}
		if entry.Name() == "go.mod" {
			found = append(found, cmp.Or(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root), "/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}
