package splitbrain

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestExcessesAreFound(t *testing.T) {
	asks := func(weight float64) write { return write{state: &v1alpha1.CanaryStatus{CanaryWeight: weight}} }
	gives := func(weight float64) write { return write{weight: weight} }
	for name, c := range map[string]struct {
		writes []write
		found  int
	}{
		"steps and an end":                        {[]write{asks(20), gives(20), asks(40), gives(40), asks(0), gives(0)}, 0},
		"a weight before its step":                {[]write{asks(20), gives(40)}, 1},
		"a weight that was taken away":            {[]write{asks(20), gives(20), asks(0), gives(0), gives(20)}, 1},
		"a write that was overtaken by the state": {[]write{asks(20), asks(0), gives(20), gives(0)}, 0},
		"a report of the gateway at the end":      {[]write{asks(20), gives(20), asks(0), gives(20), gives(20), gives(0)}, 0},
	} {
		if found := excesses(c.writes); len(found) != c.found {
			t.Errorf("%s: found %v", name, found)
		}
	}
}
