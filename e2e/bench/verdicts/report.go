package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/guarded"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// outcome is how a rollout ended.
type outcome string

const (
	rolledBack outcome = "rolled back"
	promoted   outcome = "promoted"
	paused     outcome = "paused"
	// open did not end in time.
	open outcome = "open"
)

// measured is one rollout.
type measured struct {
	outcome outcome
	// reason is what Sluice said.
	reason string
	took   time.Duration
	// failed is how many requests of users the version has failed.
	failed int
}

// predict plays the scenario of a use.
func predict(u use, rollouts int) simulate.Cell {
	return simulate.Run(simulate.Plan{Scenarios: []traffic.Scenario{u.like}, Rollouts: rollouts, Seed: 1,
		Rules:   []rule.Rule{guarded.Rule{Label: "guard", Settings: guard.DefaultSettings()}},
		Margins: simulate.Margins{Rho: guard.DefaultRho, Delta: guard.DefaultDelta, SLO: guard.DefaultSLO}})[0]
}

// meanFailed is the mean number of failed requests.
func meanFailed(all []measured) float64 {
	sum := 0.0
	for _, m := range all {
		sum += float64(m.failed)
	}
	return sum / float64(max(1, len(all)))
}

func meanTook(all []measured) time.Duration {
	sum := time.Duration(0)
	for _, m := range all {
		sum += m.took
	}
	return sum / time.Duration(max(1, len(all)))
}

// count is how many rollouts ended so.
func count(all []measured, how outcome) (n int) {
	for _, m := range all {
		if m.outcome == how {
			n++
		}
	}
	return n
}

// misses says which goals of a use are missed.
func misses(u use, all []measured) (missed []string) {
	if n := count(all, rolledBack); u.bad && n < len(all) {
		missed = append(missed, fmt.Sprintf("%d of %d bad versions were not rolled back", len(all)-n, len(all)))
	} else if !u.bad && n > 0 {
		missed = append(missed, fmt.Sprintf("%d of %d healthy versions were rolled back", n, len(all)))
	}
	if mean := meanFailed(all); u.most > 0 && mean > u.most {
		missed = append(missed, fmt.Sprintf("%.1f failed requests were served on average; the goal is at most %g", mean, u.most))
	}
	return missed
}

// heading begins the table.
const heading = `| version | requests a second | rollouts | outcome | failed requests served, mean (most) | simulated | duration, mean | simulated |
|---|---|---|---|---|---|---|---|
`

// row is the line of a use in the table.
func row(u use, all []measured, like simulate.Cell) string {
	var ends []string
	for _, how := range []outcome{rolledBack, promoted, paused, open} {
		if n := count(all, how); n > 0 {
			ends = append(ends, fmt.Sprintf("%d %s", n, how))
		}
	}
	most := 0
	for _, m := range all {
		most = max(most, m.failed)
	}
	simulated, seconds := "-", like.PromotionSeconds.Mean
	if like.RolledBack.Count > 0 {
		simulated = fmt.Sprintf("%.1f", like.Bad.Mean)
	}
	if u.bad {
		seconds = like.Seconds.Mean
	}
	return fmt.Sprintf("| %s | %g | %d | %s | %.1f (%d) | %s, %.1f %% rolled back | %.0f s | %.0f s |\n", u.name, u.rate, len(all),
		strings.Join(ends, ", "), meanFailed(all), most, simulated, 100*like.RolledBack.Value, meanTook(all).Seconds(), seconds)
}

// explain lists what is wrong with a use: missed goals, and what was said of rollouts that ended as they must not.
func explain(out io.Writer, u use, all []measured) error {
	lines := misses(u, all)
	for i := range lines {
		lines[i] = "MISSED " + u.name + ": " + lines[i]
	}
	for _, m := range all {
		if (m.outcome == rolledBack) != u.bad && !slices.Contains(lines, m.reason) {
			lines = append(lines, m.reason)
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "- %s\n", line); err != nil {
			return err
		}
	}
	return nil
}
