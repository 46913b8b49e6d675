package reconciler

import (
	"testing"
	"time"
)

func TestABreakInWhichTicksCouldNotLookStartsDeadlinesAnew(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		failed []int
		last   int
		since  int
	}{
		"ticks that look":              {nil, 100, 0},
		"a tick that fails":            {[]int{50}, 51, 0},
		"ticks that fail for long":     {[]int{50, 52, 55, 59}, 60, 60},
		"ticks that fail for a bit":    {[]int{50, 52, 55}, 59, 0},
		"a clock that is set back":     {nil, -3600, -3600},
		"a break and a clock set back": {[]int{50}, -3600, -3600},
	} {
		t.Run(name, func(t *testing.T) {
			var a attention
			a.looked(subject, at(0))
			for _, second := range c.failed {
				a.failed(subject, at(second))
			}
			if got, want := a.looked(subject, at(c.last)), at(c.since).Round(0); !got.Equal(want) {
				t.Errorf("since %s, want %s", got, want)
			}
			if again, want := a.looked(subject, at(c.last+100)), at(c.since).Round(0); !again.Equal(want) {
				t.Errorf("later: since %s, want %s", again, want)
			}
			a.forget(subject)
			if len(a.since)+len(a.blind) > 0 {
				t.Errorf("left: %v %v", a.since, a.blind)
			}
		})
	}
}
