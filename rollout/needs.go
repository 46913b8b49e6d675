package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// Needs are the queries and hook calls that one tick asks for.
type Needs struct {
	// Queries are for Prometheus; none unless checks are due. They run in the background. A later tick that needs the same
	// round observes their samples.
	Queries []analysis.Query
	// Round identifies one round of checks of one step. The queries of a round may differ in how far back they look.
	// Samples of another round do not count.
	Round string
	// Hooks are called in the background. A later tick observes their answers.
	Hooks []plan.HookCall
	// Counters asks for the raw counters of both versions, and History for those of the primary's last hour. Each is nil unless it is
	// due, and never are both. They run in the background beside the queries.
	Counters, History *RawQuery
}

// RawQuery is a query for raw counters.
type RawQuery struct {
	// Round identifies what is asked. A later tick that needs the same round observes the answer, also if it would look back
	// less far.
	Round string
	// Query is for the counters of requests. Without an expression for a workload that gets none.
	Query analysis.Query
	// Pairs are the queries of the policy's own counters. They run right after the other.
	Pairs []analysis.Query
}

// Needs returns the queries and hook calls of this tick.
func (f Facts) Needs() Needs {
	if !f.o.OptedIn() {
		return Needs{}
	}
	needs := Needs{Hooks: hooksDue(f.policy, f.before, f.o), Round: roundOf(f.before), Counters: f.countersDue(), History: f.historyDue()}
	if f.problem != "" || !observed.Checked(f.before) || f.o.Now.Before(f.nextRound(f.before)) {
		return needs
	}
	for _, check := range analysis.ChecksOf(f.policy) {
		queries, problem := f.target.Queries(check, f.o, windowOf(check, f.before, f.o.Now))
		if problem == "" {
			needs.Queries = append(needs.Queries, queries...)
		}
	}
	if len(needs.Queries) > 0 && !strategy.WithoutTraffic(f.policy) {
		needs.Queries = append(needs.Queries, f.target.Observing(f.o, window(f.policy.ShareWindow(), f.before, f.o.Now))...)
	}
	return needs
}

// roundOf names the round of checks that is due next at the present step and weight.
func roundOf(state observed.State) string {
	at := func(stamp *metav1.MicroTime) string {
		if stamp == nil {
			return "-"
		}
		return stamp.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s step %d at %v%% since %s after %s", checksum(state), state.Open().Step.Number, state.CanaryWeight, at(state.Open().Step.InEffect), at(state.LastCheckTime))
}

// longestWindow bounds the window of a check that lacks data.
const longestWindow = time.Hour

// windowOf is how far back a check looks: as its metric says, or back to when it was last judged. So no request is judged twice, and the
// window of a check that lacks data grows until there is enough, however often Prometheus scrapes.
func windowOf(check analysis.Check, state observed.State, now time.Time) time.Duration {
	if check.Window > 0 {
		return window(check.Window, state, now)
	}
	longest := longestWindow
	for _, result := range state.Checks {
		if result.Name == check.Name && result.Judged != nil {
			longest = min(longest, now.Sub(result.Judged.Time))
		}
	}
	return window(longest, state, now)
}

// window ends now and begins no earlier than the canary's traffic, so that no request to an earlier candidate counts.
func window(longest time.Duration, state observed.State, now time.Time) time.Duration {
	return max(time.Second, min(longest, now.Sub(state.Open().Canary.TrafficStarted.Time)))
}
