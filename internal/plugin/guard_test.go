package plugin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestTheControlInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		control *v1alpha1.ControlStatus
		want    string
	}{
		"no control": {nil, ""},
		"given up":   {&v1alpha1.ControlStatus{Name: "shop-baseline", Off: "somebody has deleted the control"}, "none, the canary is compared with the primary: somebody has deleted the control"},
		"not yet":    {&v1alpha1.ControlStatus{Name: "shop-baseline"}, "shop-baseline is not ready yet"},
		"ready":      {&v1alpha1.ControlStatus{Name: "shop-baseline", Ready: &metav1.MicroTime{}}, "shop-baseline is ready, and the canary is compared with it"},
	} {
		if got := controlLine(c.control); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

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

func TestComparisonsInOneLine(t *testing.T) {
	ab := []v1alpha1.VersionsCompared{{Users: v1alpha1.ComparedMatched, Text: "error rate 1%"}, {Users: v1alpha1.ComparedTesters, Text: "error rate 2%"}}
	ended := []v1alpha1.HistoryEntry{{Reason: "aborted", Compared: ab[:1]}}
	for name, c := range map[string]struct {
		status v1alpha1.CanaryStatus
		want   string
	}{
		"nothing":                   {v1alpha1.CanaryStatus{}, ""},
		"in flight":                 {v1alpha1.CanaryStatus{CanaryRecord: v1alpha1.CanaryRecord{History: ended}, Rollout: &v1alpha1.RolloutStatus{Guard: &v1alpha1.GuardStatus{Compared: ab}}}, "Matched: error rate 1%; Testers: error rate 2%"},
		"in flight without a guard": {v1alpha1.CanaryStatus{CanaryRecord: v1alpha1.CanaryRecord{History: ended}, Rollout: &v1alpha1.RolloutStatus{}}, ""},
		"ended":                     {v1alpha1.CanaryStatus{CanaryRecord: v1alpha1.CanaryRecord{History: ended}}, "Matched: error rate 1%"},
	} {
		if got := comparedLine(c.status); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for want, entry := range map[string]v1alpha1.HistoryEntry{"": {}, "aborted": {Reason: "aborted"}, "Matched: error rate 1%": {Compared: ab[:1]}, "aborted; Matched: error rate 1%": ended[0]} {
		if got := endedBecause(entry); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
