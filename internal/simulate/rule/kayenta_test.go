package rule

import (
	"math"
	"testing"
)

// TestFewPointsDecideNothing holds the greatest statistic of n points of each version to published numbers: below five it cannot pass
// its critical value.
func TestFewPointsDecideNothing(t *testing.T) {
	for n, want := range map[int]float64{4: 2.17, 5: 2.51} {
		var canary, primary []float64
		for i := range n {
			canary, primary = append(canary, float64(100+i)), append(primary, float64(i))
		}
		got := standardized(canary, primary)
		if math.Abs(got-want) > .005 || got > critical != (n >= fewestPoints) {
			t.Errorf("%d points: %.3f, want %.2f", n, got, want)
		}
	}
}
