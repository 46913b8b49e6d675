package docs

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

// TestEveryProviderIsDocumented holds that each type has a row on how to use it, and one on how it was proven.
func TestEveryProviderIsDocumented(t *testing.T) {
	use, proven, _ := strings.Cut(page(t, "how-to/providers.md"), "## How each was proven")
	for _, kind := range v1alpha1.ProviderTypes {
		if row := "| `" + kind + "` | "; !strings.Contains(use, row) || !strings.Contains(proven, row) {
			t.Errorf("providers.md has not both rows of %s", kind)
		}
	}
}
