package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

// packages are those of the providers whose packages have another name than their type.
var packages = map[string]string{v1alpha1.ProviderHTTP: "jsonapi"}

// source matches the address of a source.
var source = regexp.MustCompile(`\]\((https://[^)]+)\)`)

// TestEveryProviderIsDocumented holds that each type has a row on how to use it, and one on how it was proven, whose sources its tests name.
func TestEveryProviderIsDocumented(t *testing.T) {
	use, proven, _ := strings.Cut(page(t, "how-to/providers.md"), "## How each was proven")
	for _, kind := range v1alpha1.ProviderTypes {
		begin := "| `" + kind + "` | "
		_, row, has := strings.Cut(proven, begin)
		if !has || !strings.Contains(use, begin) {
			t.Errorf("providers.md has not both rows of %s", kind)
		}
		row, _, _ = strings.Cut(row, "|")
		dir := kind
		if other, named := packages[kind]; named {
			dir = other
		}
		tests := testsOf(t, filepath.Join("../internal/provider", dir))
		for _, found := range source.FindAllStringSubmatch(row, -1) {
			if !strings.Contains(tests, found[1]) {
				t.Errorf("the tests of %s do not say that they play the answers of %s", kind, found[1])
			}
		}
	}
}

// testsOf is the text of the tests of a package.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
