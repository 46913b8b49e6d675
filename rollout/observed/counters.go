package observed

import (
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// Counters is the answer to a query for raw counters.
type Counters struct {
	// Series are the counters with their samples. None if the query failed.
	Series []analysis.RawSeries
	// Pairs are the samples of the policy's own counters. None if the query failed.
	Pairs []analysis.Sample
	// Asked is when they were asked for, by the controller's clock.
	Asked time.Time
	// Err says in one line why the query failed, and names the kind of server. Empty if it did not.
	Err string
}

// Asked names a round of raw counters and says when it was asked for.
type Asked struct {
	Round string
	At    time.Time
}

// Answers are what has arrived of what a tick needs. A tick does not wait for them.
type Answers struct {
	// Hooks answer the hook calls.
	Hooks []HookAnswer
	// Samples answer the queries of checks; nil when none were due or they have not arrived. Sampled is when they were asked for.
	Samples []analysis.Sample
	Sampled time.Time
	// Counters are those of both versions, and History those of the primary's last hour. Each is nil when it was not due or has
	// not arrived.
	Counters, History *Counters
}
