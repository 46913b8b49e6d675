package admission

import (
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/workload"
)

// idOf returns what a request to restore or settle is about.
func idOf(t *testing.T, previous string) string {
	t.Helper()
	decoded, err := workload.DecodePrevious(previous)
	if err != nil {
		t.Fatal(err)
	}
	return decoded.ID().String()
}

func (c cluster) expectWeights(moment, want string) {
	c.T.Helper()
	var rules []string
	for _, rule := range c.Route().Spec.Rules {
		var refs []string
		for _, ref := range rule.BackendRefs {
			refs = append(refs, fmt.Sprintf("%s=%d", ref.Name, *ref.Weight))
		}
		rules = append(rules, strings.Join(refs, " "))
	}
	if got := strings.Join(rules, " | "); got != want {
		c.T.Fatalf("%s: the weights are %s, not %s", moment, got, want)
	}
}
