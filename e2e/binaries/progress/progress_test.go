package progress

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachTickSaysWhatIsGoingOn(t *testing.T) {
	ticks, said := make(chan time.Time), make(chan string, 9)
	states := []string{"compiling", "linking"}
	state := func() string {
		s := states[0]
		states = states[1:]
		return s
	}
	failed := errors.New("no space left")
	err := while(ticks, func(line string) { said <- line }, state, func() error {
		ticks <- time.Now()
		ticks <- time.Now()
		return failed
	})
	close(said)
	if got, want := slices.Collect(lines(said)), []string{"compiling (0s so far)", "linking (0s so far)"}; !slices.Equal(got, want) || !errors.Is(err, failed) {
		t.Errorf("said %q, %v", got, err)
	}
}

func lines(said <-chan string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range said {
			if !yield(line) {
				return
			}
		}
	}
}

// The clock of the bubble makes the silence exact.
func TestNothingIsSilentForHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last, longest := time.Now(), time.Duration(0)
		var said []string
		say := func(line string) {
			longest, last = max(longest, time.Since(last)), time.Now()
			said = append(said, line)
		}
		err := While(say, func() string { return "waiting for the node" }, func() error {
			time.Sleep(65 * time.Second)
			return nil
		})
		if err != nil || longest > 30*time.Second || time.Since(last) > 30*time.Second || len(said) != 3 || said[2] != "waiting for the node (1m0s so far)" {
			t.Errorf("said %q with %s between, %v", said, longest, err)
		}
	})
}

func TestWhatIsQuickIsNotTalkedAbout(t *testing.T) {
	err := While(func(line string) { t.Errorf("said %q", line) }, func() string { return "" }, func() error { return nil })
	if err != nil {
		t.Error(err)
	}
}
