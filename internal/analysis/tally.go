package analysis

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Tally adds the failures of a round to those of the rounds before it. A check that lacks data keeps the moment when it was last
// judged, so that its window grows until there is enough.
func Tally(before, results []v1alpha1.CheckStatus, asked metav1.MicroTime) []v1alpha1.CheckStatus {
	for i := range results {
		result := &results[i]
		at := slices.IndexFunc(before, func(b v1alpha1.CheckStatus) bool { return b.Name == result.Name })
		if at >= 0 {
			result.Failures, result.InARow, result.Judged = before[at].Failures, before[at].InARow, before[at].Judged
		}
		if result.Verdict != v1alpha1.VerdictInconclusive {
			result.Judged = &asked
		}
		switch {
		case result.DryRun:
		case result.Verdict == v1alpha1.VerdictFail:
			result.Failures++
			result.InARow++
		case result.Verdict == v1alpha1.VerdictPass:
			result.InARow = 0
		}
	}
	return results
}

// CountsForThreshold reports whether a check fails whose failures the threshold of the policy counts: one without limits of its own.
func CountsForThreshold(policy config.Policy, results []v1alpha1.CheckStatus) bool {
	return slices.ContainsFunc(ChecksOf(policy), func(c Check) bool {
		return !c.limitsItself() && failing(results, c.Name)
	})
}

// Exceeded says which check that fails has reached a limit of its own, so that the rollout rolls back; empty for none.
func Exceeded(policy config.Policy, results []v1alpha1.CheckStatus) string {
	for _, check := range ChecksOf(policy) {
		if !failing(results, check.Name) {
			continue
		}
		result := resultOf(results, check.Name)
		switch j := check.Judgement; {
		case ptr.Deref(j.Critical, false):
			return fmt.Sprintf("the critical check %s failed", check.Name)
		case j.FailureLimit != nil && result.Failures >= *j.FailureLimit:
			return fmt.Sprintf("check %s failed %d times, its failureLimit", check.Name, result.Failures)
		case j.ConsecutiveLimit != nil && result.InARow >= *j.ConsecutiveLimit:
			return fmt.Sprintf("check %s failed %d times in a row, its consecutiveLimit", check.Name, result.InARow)
		}
	}
	return ""
}

// OwnFailures lists the failures of the failing checks that have limits of their own, such as error-rate: 2 of 3, 1 of 2 in a row.
func OwnFailures(policy config.Policy, results []v1alpha1.CheckStatus) []string {
	var all []string
	for _, check := range ChecksOf(policy) {
		if !check.limitsItself() || !failing(results, check.Name) {
			continue
		}
		text, result := "failures of "+check.Name+":", resultOf(results, check.Name)
		if limit := check.Judgement.FailureLimit; limit != nil {
			text += fmt.Sprintf(" %d of %d,", result.Failures, *limit)
		}
		if limit := check.Judgement.ConsecutiveLimit; limit != nil {
			text += fmt.Sprintf(" %d of %d in a row,", result.InARow, *limit)
		}
		all = append(all, text[:len(text)-1])
	}
	return all
}

// limitsItself reports whether the check counts its own failures.
func (c Check) limitsItself() bool {
	return c.Judgement.FailureLimit != nil || c.Judgement.ConsecutiveLimit != nil
}

func failing(results []v1alpha1.CheckStatus, name string) bool {
	result := resultOf(results, name)
	return result.Verdict == v1alpha1.VerdictFail && !result.DryRun
}

// resultOf is the result of a check; zero if it has none.
func resultOf(results []v1alpha1.CheckStatus, name string) v1alpha1.CheckStatus {
	for _, result := range results {
		if result.Name == name {
			return result
		}
	}
	return v1alpha1.CheckStatus{}
}
