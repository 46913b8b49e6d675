package reconciler

import (
	"context"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
)

// QueryFunc runs queries and returns one sample for each. A failed query gives a sample with an error. It runs outside of
// ticks, stops when its context ends, and sets its own time limit.
type QueryFunc func(ctx context.Context, queries []analysis.Query) []analysis.Sample

// samples runs the queries of checks.
type samples = rounds[[]analysis.Query, []analysis.Sample]

func newSamples(query QueryFunc) *samples {
	return newRounds[[]analysis.Query, []analysis.Sample](query)
}

// ofChecks is the round of checks that a tick needs.
func ofChecks(needs rollout.Needs) need[[]analysis.Query] {
	if len(needs.Queries) == 0 {
		return need[[]analysis.Query]{}
	}
	return need[[]analysis.Query]{name: needs.Round, question: needs.Queries}
}
