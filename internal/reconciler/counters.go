package reconciler

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// CountersFunc runs one query for raw counters. The problem says in one line why it failed, and names the kind of server. It runs
// outside of ticks, stops when its context ends, and sets its own limits of time and size.
type CountersFunc func(ctx context.Context, query analysis.Query) (series []analysis.RawSeries, problem string)

// counters runs queries for raw counters, beside the rounds of checks: neither waits for the other. It remembers the last round of each
// Canary that a tick has observed, so that the next one is asked for in time.
type counters struct {
	*rounds[rollout.RawQuery, observed.Counters]
	last kept[observed.Asked]
}

func newCounters(query CountersFunc, pairs QueryFunc) *counters {
	return &counters{rounds: newRounds(func(ctx context.Context, q rollout.RawQuery) (answer observed.Counters) {
		if query == nil {
			answer.Err = "no Prometheus is configured"
			return answer
		}
		if q.Query.Expression != "" {
			answer.Series, answer.Err = query(ctx, q.Query)
		}
		if len(q.Pairs) > 0 && answer.Err == "" && pairs != nil {
			answer.Pairs = pairs(ctx, q.Pairs)
		}
		return answer
	})}
}

// ofCounters is the round of raw counters that a tick needs.
func ofCounters(needs rollout.Needs) need[rollout.RawQuery] {
	asks := needs.Counters
	if asks == nil {
		asks = needs.History
	}
	if asks == nil {
		return need[rollout.RawQuery]{}
	}
	return need[rollout.RawQuery]{name: asks.Round, question: *asks}
}

// lastAsked is the last round that a tick has observed; zero if there was none since the start.
func (c *counters) lastAsked(key types.NamespacedName) observed.Asked {
	last, _ := c.last.get(key)
	return last
}

// answers returns the answer that a tick needs: the counters of both versions, or those of the primary's last hour. Each is nil while
// it has not arrived or is not needed.
func (c *counters) answers(key types.NamespacedName, needs rollout.Needs) (both, history *observed.Counters) {
	answer, asked, done := c.rounds.answers(key, ofCounters(needs))
	if !done {
		return nil, nil
	}
	answer.Asked = asked
	if needs.Counters != nil {
		return &answer, nil
	}
	return nil, &answer
}

// ask asks for what a tick needs, and remembers what it has observed.
func (c *counters) ask(ctx context.Context, o reading) {
	var seen time.Time
	for _, answer := range []*observed.Counters{o.Counters, o.History} {
		if answer != nil {
			seen = answer.Asked
		}
	}
	if name := c.rounds.ask(ctx, o.Key(), ofCounters(o.needs), seen); name != "" {
		c.last.put(o.Key(), observed.Asked{Round: name, At: seen})
	}
}

func (c *counters) forget(key types.NamespacedName) {
	c.rounds.forget(key)
	c.last.forget(key)
}
