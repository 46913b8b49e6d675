package rule_test

import (
	"fmt"
	"math"
	"testing"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// published are exact numbers for Flagger's rule: P(rollback) to three digits, mean seconds and mean bad requests of rollbacks; 0 where
// none was published.
var published = []struct {
	canary float64
	at     [4]exact
}{
	{.001, [4]exact{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}},
	{.005, [4]exact{{.001, 0, 0}, {.012, 513, 6}, {0, 0, 0}, {0, 0, 0}}},
	{.008, [4]exact{{.005, 0, 0}, {.152, 528, 11}, {.014, 492, 85}, {0, 0, 0}}},
	{.009, [4]exact{{.007, 0, 0}, {.252, 528, 13}, {.113, 512, 112}, {.001, 0, 0}}},
	{.011, [4]exact{{.016, 0, 0}, {.496, 522, 15}, {.786, 496, 131}, {.999, 432, 843}}},
	{.02, [4]exact{{.121, 0, 0}, {.989, 459, 19}, {1, 369, 81}, {1, 360, 720}}},
	{.05, [4]exact{{.753, 0, 0}, {1, 374, 22}, {1, 360, 180}, {1, 360, 1800}}},
	{.2, [4]exact{{1, 425, 15}, {1, 360, 72}, {1, 360, 720}, {1, 360, 7200}}},
	{.5, [4]exact{{1, 373, 21}, {1, 360, 180}, {1, 360, 1800}, {1, 360, 18000}}},
}

var rates = [4]float64{1, 10, 100, 1000}

func TestExactNumbersOfFlagger(t *testing.T) {
	for _, row := range published {
		for i, rps := range rates {
			got, want := exactFlagger(rps, row.canary, 5, publishedCounts), row.at[i]
			if math.Abs(got.rolledBack-want.rolledBack) > .0006 || want.seconds > 0 && (math.Abs(got.seconds-want.seconds) > .51 || math.Abs(got.bad-want.bad) > .51) {
				t.Errorf("%v %% at %v rps: %.4f, %.1f s, %.1f bad; published are %v", 100*row.canary, rps, got.rolledBack, got.seconds, got.bad, want)
			}
		}
	}
	for _, c := range []struct {
		rps, canary float64
		threshold   int
		want        float64
	}{{.1, .001, 5, .10}, {.1, .001, 1, .78}, {10, .005, 1, .61}, {1, .001, 1, .085}, {10, .001, 1, .085}} {
		if got := exactFlagger(c.rps, c.canary, c.threshold, randomCounts).rolledBack; math.Abs(got-c.want) > .0075 {
			t.Errorf("%v %% at %v rps, threshold %d: %.4f, published is %v", 100*c.canary, c.rps, c.threshold, got, c.want)
		}
	}
}

// TestFlaggerIsEmulated holds the emulator within three standard errors of theory, and its share of rollbacks within three standard
// errors of every published number, too.
func TestFlaggerIsEmulated(t *testing.T) {
	for _, row := range published {
		for i, rps := range rates {
			rollouts := 1000.0
			if rps >= 100 {
				rollouts = 300
			}
			t.Run(fmt.Sprintf("%.1f%% at %v rps", 100*row.canary, rps), func(t *testing.T) {
				theory := exactFlagger(rps, row.canary, 5, randomCounts)
				source := traffic.NewSource(traffic.Scenario{Rate: rps, Base: .001, Canary: row.canary})
				flagger := rule.Flagger{Interval: 60, Threshold: 5, Shares: rule.Steps(10, 50), Least: 99}
				var seconds, bad moments
				for repetition := range uint64(rollouts) {
					if played := simulate.Play(source, flagger, 1, repetition, nil); played.Outcome == rule.RolledBack {
						seconds.add(float64(played.Took) - 5)
						bad.add(float64(played.Bad) * float64(played.Took-5) / float64(played.Took))
					}
				}
				for _, p := range []float64{theory.rolledBack, row.at[i].rolledBack} {
					if got, noise := seconds.n/rollouts, math.Sqrt(max(p, .0005)*(1.0005-p)/rollouts); math.Abs(got-p) > 3*noise+.0005 {
						t.Errorf("%.4f are rolled back, not %.4f", got, p)
					}
				}
				if seconds.n > 30 && (!seconds.near(theory.seconds) || !bad.near(theory.bad)) {
					t.Errorf("after %v with %v bad, not %.1f s with %.1f", seconds, bad, theory.seconds, theory.bad)
				}
			})
		}
	}
}

// moments are the number of values, their sum and that of their squares.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(x float64) { m.n, m.sum, m.squares = m.n+1, m.sum+x, m.squares+x*x }

// near reports whether the mean is within three standard errors of a value, or within the half of a hundredth of it.
func (m moments) near(want float64) bool {
	mean := m.sum / m.n
	noise := math.Sqrt(max(0, m.squares/m.n-mean*mean) / m.n)
	return math.Abs(mean-want) <= 3*noise+.005*want
}

func (m moments) String() string { return fmt.Sprintf("%.1f", m.sum/m.n) }
