package pressure

import (
	"testing"
	"time"
)

func TestTheFileIsRead(t *testing.T) {
	at := time.Unix(100, 0)
	for name, content := range map[string]string{
		"both lines":               "some avg10=95.38 avg60=92.16 avg300=72.13 total=1015315181\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=7\n",
		"an older kernel":          "some avg10=95.38 avg60=92.16 avg300=72.13 total=1015315181",
		"another order":            "full avg10=0.00 total=7\n\nsome total=1015315181 avg10=0.00\n",
		"a number nobody knows of": "some avg5=x avg10=0.00 total=1015315181\n",
	} {
		got, err := Parse(content, at)
		if want := (Sample{At: at, Waited: 1015315181 * time.Microsecond}); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, not %+v", name, got, err, want)
		}
	}
}

func TestWhatIsNotTheFileIsAnError(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":        "",
		"only full":      "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"no total":       "some avg10=0.00 avg60=0.00 avg300=0.00\n",
		"a broken total": "some avg10=0.00 total=1.5\n",
	} {
		if got, err := Parse(content, time.Time{}); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// history returns a sample for every second in which tasks waited for that many milliseconds.
func history(waited ...int) History {
	at, total := time.Unix(100, 0), time.Duration(0)
	h := History{{At: at}}
	for _, milliseconds := range waited {
		at, total = at.Add(time.Second), total+time.Duration(milliseconds)*time.Millisecond
		h = append(h, Sample{At: at, Waited: total})
	}
	return h
}

func TestAShareIsThatOfTheSamplesAround(t *testing.T) {
	h := history(0, 1000, 500, 250)
	at := func(seconds float64) time.Time {
		return time.Unix(100, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, c := range []struct {
		from, to float64
		want     float64
	}{
		{0, 1, 0}, {1, 2, 1}, {1, 3, 0.75}, {1.1, 1.9, 1}, {0.5, 1.5, 0.5}, {-5, 2, 0.5}, {2, 60, 0.375}, {-9, 60, 0.4375},
		// If no sample lies between the moments, the newest two must do.
		{60, 61, 0.25},
	} {
		if got, known := h.Between(at(c.from), at(c.to)); !known || got != c.want {
			t.Errorf("from %v to %v: got %v, %v, not %v", c.from, c.to, got, known, c.want)
		}
	}
	if _, known := history().Between(at(0), at(1)); known {
		t.Error("one sample says nothing about a time")
	}
}

func TestAShareIsNeverMoreThanAll(t *testing.T) {
	if got, _ := history(1500).Between(time.Unix(100, 0), time.Unix(101, 0)); got != 1 {
		t.Errorf("got %v", got)
	}
}

func TestPatienceIsStretchedToAMaximum(t *testing.T) {
	for share, want := range map[float64]time.Duration{-1: time.Minute, 0: time.Minute, 0.5: 90 * time.Second, 1: 2 * time.Minute, 7: 2 * time.Minute} {
		if got := Stretch(time.Minute, share); got != want {
			t.Errorf("share %v: got %s, not %s", share, got, want)
		}
	}
}

func TestFewCoresGetMoreTime(t *testing.T) {
	for cores, want := range map[int]time.Duration{0: 20, 1: 20, 2: 20, 3: 13, 4: 10, 64: 10} {
		if got := OnCores(10*time.Second, cores).Truncate(time.Second); got != want*time.Second {
			t.Errorf("%d cores: got %s, not %d s", cores, got, want)
		}
	}
}

func TestWithoutAFileNothingIsKnown(t *testing.T) {
	var none *Gauge
	if _, known := none.Between(time.Unix(100, 0), time.Unix(101, 0)); known {
		t.Error("a share was told")
	}
	if got := none.Tell(time.Unix(100, 0), time.Unix(101, 0)); got != "not known" {
		t.Errorf("got %q", got)
	}
}
