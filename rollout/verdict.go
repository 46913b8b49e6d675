package rollout

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

// verdict is what the guard has said in this step; nil before its first look.
func (t tick) verdict() *v1alpha1.GuardStatus {
	open := t.plan.Next.Open()
	if !t.guarded() || open.Guard == nil || open.Guard.Judged == nil || open.Step.InEffect == nil || open.Guard.Judged.Time.Before(open.Step.InEffect.Time) {
		return nil
	}
	return open.Guard
}

// passed reports whether the step has passed: by the guard if it judges, and by the user's checks and hooks in any case.
func (t tick) passed() bool {
	known := t.verdict()
	if t.podsHold() != "" {
		return false
	}
	if !t.guarded() || known != nil && t.testsOnly(guard.Reason(known.Reason)) {
		return t.passedSince(t.stepEnds())
	}
	return known != nil && known.Action == string(guard.Advance) && t.nothingFails()
}

// passedOnce reports whether the step has had one look that does not speak against the canary.
func (t tick) passedOnce() bool {
	inEffect, known := t.plan.Next.Rollout.Step.InEffect, t.verdict()
	if !t.guarded() {
		return t.passedSince(inEffect.Time)
	}
	if known == nil {
		return false
	}
	calm := known.Reason != string(guard.Suspicious) && known.Reason != string(guard.SharedDamage)
	return known.Polled != nil && known.Polled.Time.After(inEffect.Time) && calm && t.nothingFails()
}

// nothingFails reports whether neither a check of the user's, when it was last judged in this step, nor a hook speaks against the canary.
func (t tick) nothingFails() bool {
	return analysis.Standing(t.plan.Next.Checks, t.plan.Next.Rollout.Step.InEffect.Time) != v1alpha1.VerdictFail && t.hooksFailing(v1alpha1.HookRollout) == ""
}

// testsOnly reports whether the step gets no requests that are counted, and the guard waits for some. Then the time, the checks and
// the hooks end the step, as without the guard: its tests reach the canary past the gateway.
func (t tick) testsOnly(reason guard.Reason) bool {
	return !t.expectsRequests() && !analysis.CountsWork(t.policy) && (reason == guard.NoRequests || reason == guard.Stale)
}

// leftToTests is what the guard says of such a step.
const leftToTests = "no requests are counted in this step, so its tests, checks and hooks decide"

// explain says what decided the last round of checks, and which hook has not approved.
func (t tick) explain() string {
	why := "no checks yet"
	switch checks := t.plan.Next.Checks; {
	case t.guarded():
		why = t.guardSays()
	case !t.judges():
		why = unmeasured
	case len(checks) > 0:
		why = analysis.Explain(checks)
	}
	for _, more := range []string{t.podsHold(), t.hooksFailing(v1alpha1.HookRollout)} {
		if more != "" {
			why += "; " + more
		}
	}
	return why
}

// unmeasured is what is said of a rollout without the guard and without checks.
const unmeasured = "Nobody measures this version, because no checks are configured: only the time, and the readiness and restarts of its pods, decide"

// measured reports whether numbers decide about the candidate.
func (t tick) measured() bool { return t.judges() || t.guarded() }

// guardSays is the guard's last word on this step.
func (t tick) guardSays() string {
	known := t.verdict()
	if known == nil {
		return "the guard waits for the first samples of both versions"
	}
	said := known.Message
	if checks := t.otherChecks(); len(checks) > 0 {
		said += "; " + analysis.Explain(checks)
	}
	return said
}

// guardShows is what a promotion by the guard says in the history; empty without it.
func (t tick) guardShows() string {
	if known := t.verdict(); known != nil {
		return known.Message
	}
	return ""
}
