package plugin

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// TestEveryVerbIsDocumented keeps docs/how-to/kubectl.md complete.
func TestEveryVerbIsDocumented(t *testing.T) {
	content, err := os.ReadFile("../../docs/how-to/kubectl.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range NewCommand(genericiooptions.NewTestIOStreamsDiscard()).Commands() {
		for use := range strings.SplitSeq(verb.Use, " | ") {
			if !strings.Contains(string(content), "| [`"+use+"`](#") {
				t.Errorf("docs/how-to/kubectl.md has no row for %q", use)
			}
		}
		verb.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if special := []string{"allow-missing-template-keys", "show-managed-fields", "template", "output", "help"}; !slices.Contains(special, flag.Name) &&
				!strings.Contains(string(content), "--"+flag.Name) && !strings.Contains(string(content), "`-"+flag.Shorthand+"`") {
				t.Errorf("docs/how-to/kubectl.md does not name --%s of %s", flag.Name, verb.Name())
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, ExitPromoted}, {errors.New("refused"), ExitError}, {codedError{ExitRolledBack}, ExitRolledBack},
		{fmt.Errorf("more: %w", codedError{ExitRunning}), ExitRunning},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%v ends with %d, not with %d", c.err, got, c.want)
		}
	}
}
