package plugin

import (
	"fmt"
	"strconv"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// guardJudges reports whether the guard judges the open rollout.
func guardJudges(guard *v1alpha1.GuardStatus) bool {
	return guard != nil && guard.Off == "" && guard.Evidence != ""
}

// guardLine is the guard's last word; empty without one.
func guardLine(guard *v1alpha1.GuardStatus) string {
	switch {
	case guard == nil:
		return ""
	case guard.Off != "":
		return "off, the checks judge: " + guard.Off
	case guard.Message == "":
		return "waits for the first samples of both versions"
	}
	short := func(value float64) string { return strconv.FormatFloat(value, 'g', 3, 64) }
	return fmt.Sprintf("%s: %s (harm %s, proven at %s)", guard.Reason, guard.Message, short(guard.Harm), short(guard.Proof))
}

// controlLine says what the canary is compared with; empty without a fresh baseline.
func controlLine(control *v1alpha1.ControlStatus) string {
	switch {
	case control == nil:
		return ""
	case control.Off != "":
		return "none, the canary is compared with the primary: " + control.Off
	case control.Ready == nil:
		return control.Name + " is not ready yet"
	}
	return control.Name + " is ready, and the canary is compared with it"
}

// expectedLine says how long a healthy version takes; empty if that is not known.
func expectedLine(guard *v1alpha1.GuardStatus) string {
	if guard == nil {
		return ""
	}
	return guard.Expected
}

// comparedLine says how the versions compare that other people use: in the open rollout, or in the last one; empty without a comparison.
func comparedLine(status v1alpha1.CanaryStatus) string {
	var compared []v1alpha1.VersionsCompared
	switch {
	case status.Rollout != nil && status.Rollout.Guard != nil:
		compared = status.Rollout.Guard.Compared
	case status.Rollout == nil && len(status.History) > 0:
		compared = status.History[0].Compared
	}
	return comparedText(compared)
}

// comparedText says comparisons in one line, each with its users.
func comparedText(compared []v1alpha1.VersionsCompared) string {
	texts := make([]string, 0, len(compared))
	for _, c := range compared {
		texts = append(texts, string(c.Users)+": "+c.Text)
	}
	return strings.Join(texts, "; ")
}
