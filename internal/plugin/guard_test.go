package plugin

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestTheGuardInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		guard *v1alpha1.GuardStatus
		want  string
	}{
		"no guard":      {nil, ""},
		"off":           {&v1alpha1.GuardStatus{Off: "no requests are split"}, "off, the checks judge: no requests are split"},
		"not yet":       {&v1alpha1.GuardStatus{Evidence: "a"}, "waits for the first samples of both versions"},
		"has a verdict": {&v1alpha1.GuardStatus{Evidence: "a", Reason: "Collecting", Message: "the step collects data", Harm: 1.25, Proof: 100}, "Collecting: the step collects data (harm 1.25, proven at 100)"},
	} {
		if got := guardLine(c.guard); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
