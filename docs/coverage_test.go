package docs

import (
	"os"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/coverage"
)

func TestEveryKindThatMayMissACanaryIsDocumented(t *testing.T) {
	capacity := page(t, "how-to/capacity.md")
	for _, kind := range coverage.Kinds() {
		name := strings.TrimSuffix(kind.Kind, "Binding")
		if kind.Kind == coverage.Any {
			name = "constraints of Gatekeeper"
		}
		if !strings.Contains(capacity, name) {
			t.Errorf("capacity.md does not say that %s of %s is looked for", kind.Kind, kind.Group)
		}
	}
}

// TestTheMessageOfAHoldIsTheOneOfAStory compares the sample in the page with what a story tells.
func TestTheMessageOfAHoldIsTheOneOfAStory(t *testing.T) {
	story, err := os.ReadFile("../rollout/testdata/policies-that-would-miss-the-canary-hold-the-rollout-until-they-select-it.golden")
	if err != nil {
		t.Fatal(err)
	}
	_, told, _ := strings.Cut(string(story), "its rollout cannot start yet: ")
	told, _, _ = strings.Cut(told, "\n")
	if told == "" || !strings.Contains(page(t, "how-to/capacity.md"), told) {
		t.Errorf("capacity.md does not have the message %q", told)
	}
}
