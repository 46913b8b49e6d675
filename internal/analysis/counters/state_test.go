package counters

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// crowd are pods with some counters each, as a poll sees them.
func crowd(version string, pods, classes int, samples ...float64) []Series {
	var series []Series
	for pod := range pods {
		for class := range classes {
			s := ofPod(fmt.Sprintf("%s-%d", version, pod), 2, samples...)
			s.ID = hash(fmt.Sprint(version, pod, class))
			series = append(series, s)
		}
	}
	return series
}

func polled(t *testing.T, s State, second float64, series ...[]Series) (State, Result) {
	t.Helper()
	p := Poll{Now: time.UnixMilli(at(second)), Began: began}
	for _, some := range series {
		p.Series = append(p.Series, some...)
	}
	next, result := Advance(s, p)
	if text := next.Text(); len(text) > 8<<10 {
		t.Errorf("the state has %d bytes", len(text))
	}
	return kept(t, next), result
}

func TestAStateIsSmall(t *testing.T) {
	series := append(crowd("primary", 4, 30, -1, 123_456_789), crowd("canary", 2, 30, -1, 123_456)...)
	state, _ := polled(t, State{}, 1, series)
	if text := state.Text(); len(state.series) != 180 || len(text) > 3<<10 {
		t.Errorf("%d series take %d bytes", len(state.series), len(text))
	}
}

// TestTheLargestStateIsNotLarge has as much as there can be, of the largest numbers.
func TestTheLargestStateIsNotLarge(t *testing.T) {
	s := State{interval: math.MaxInt64, forgot: math.MaxInt64, partial: true}
	for i := range 3 * mostTargets {
		s.targets = append(s.targets, target{uint64(i), Primary, 1 + int64(i)%2*(math.MaxInt64-1)})
	}
	for i := range mostSeries {
		s.series = append(s.series, counted{uint64(i), uint64(i % len(s.targets)), 1 + int64(i)/2%2*(math.MaxInt64-1), 0.1})
	}
	if text := kept(t, s).Text(); len(text) > 12<<10 {
		t.Errorf("it takes %d bytes", len(text))
	}
}

// TestMoreThanCanBeRemembered has more series than the state. All are counted as long as polls follow each other.
func TestMoreThanCanBeRemembered(t *testing.T) {
	state, result := polled(t, State{}, 1, crowd("primary", 5, 100, -1, 1000), crowd("canary", 1, 100, -1, 10))
	want := "344 counters are not remembered, because 256 are the most: their requests are counted, but not those of a time in which the controller does not run; fewer values of labels help"
	if strings.Join(result.Problems, "; ") != want || len(state.series) > mostSeries || !state.partial {
		t.Errorf("%d series, %v", len(state.series), result.Problems)
	}
	state, result = polled(t, state, 4, crowd("primary", 5, 100, -1, 1000, 3, 1002), crowd("canary", 1, 100, -1, 10, 3, 11))
	if result.Canary.Requests != 100 || result.Primary.Requests != 1000 {
		t.Errorf("counted %v", result)
	}
	t.Run("a new series counts while the last scrape is in the answer", func(t *testing.T) {
		_, result := polled(t, state, 6, crowd("primary", 5, 100, 3, 1002, 5, 1002), crowd("canary", 1, 100, 3, 11, 5, 11), []Series{ofPod("canary-0", 5, 5, 1)})
		if result.Canary.Requests != 1 || result.Canary.Errors != 1 || result.Primary.Requests != 0 {
			t.Errorf("counted %v", result)
		}
	})
	t.Run("after a gap the others are remembered first", func(t *testing.T) {
		_, result := polled(t, state, 600, crowd("primary", 5, 100, 599, 2002), crowd("canary", 1, 100, 599, 111))
		if remembered := float64(len(state.series)); result.Canary.Requests+result.Primary.Requests > 1000*remembered || result.Canary.Requests < 100*86 {
			t.Errorf("counted %v of %v series", result, remembered)
		}
	})
}

func TestMorePodsThanCanBeCounted(t *testing.T) {
	state, result := polled(t, State{}, 1, crowd("primary", 70, 1, -1, 1000), crowd("canary", 60, 1, -1, 10))
	if want := "30 pods or gateways are not counted: 50 of a version are the most"; strings.Join(result.Problems, "; ") != want {
		t.Errorf("the problems are %q", result.Problems)
	}
	_, result = polled(t, state, 3, crowd("primary", 70, 1, 3, 1001), crowd("canary", 60, 1, 3, 11))
	if result.Canary.Requests != 50 || result.Primary.Requests != 50 {
		t.Errorf("counted %v", result)
	}
}

// TestPodsThatAreGoneMakeRoom has new pods in every poll for a long time. A pod that is forgotten and comes back does not count
// twice, though it was created during the rollout.
func TestPodsThatAreGoneMakeRoom(t *testing.T) {
	var state State
	canary := 0.0
	created := map[string]time.Time{}
	for i := range 400 {
		second := float64(2 * i)
		pod := fmt.Sprintf("canary-%d", i)
		created[pod] = time.UnixMilli(at(second))
		series := []Series{ofPod("primary-a", 2, second, 1000+second), ofPod(pod, 2, second, 5)}
		series[1].Target = hash(pod)
		if i == 399 {
			series = append(series, ofPod("canary-1", 2, second, 6))
		}
		next, result := Advance(state, Poll{Now: time.UnixMilli(at(second)), Began: began, Created: created, Series: series})
		state = kept(t, next)
		canary += result.Canary.Requests
		if len(state.targets) > 3*mostTargets || len(result.Problems) > 0 {
			t.Fatalf("%d targets, %v", len(state.targets), result.Problems)
		}
	}
	// The first pod's first poll only remembers the primary, and the second one counts the second pod.
	if canary < 5*398 || canary > 5*400 {
		t.Errorf("counted %v", canary)
	}
}

func TestSamplesAheadOfTheClockDoNotCount(t *testing.T) {
	state, result := polled(t, State{}, 1, crowd("primary", 1, 1, 1, 1000, 1e7, 2000))
	if want := "samples are more than 5m0s ahead of the controller's clock and are not counted: set the clock of the metrics server"; strings.Join(result.Problems, "; ") != want {
		t.Errorf("the problems are %q", result.Problems)
	}
	if state.newest(Primary) != at(1) {
		t.Errorf("the newest sample is of %d", state.newest(Primary))
	}
}

func TestAPollOfImpossibleNumbersIsDropped(t *testing.T) {
	state, _ := polled(t, State{}, 1, crowd("primary", 2, 1, 1, 0), crowd("canary", 1, 1, 1, 0))
	state, result := polled(t, state, 3, crowd("primary", 2, 1, 3, math.MaxFloat64), crowd("canary", 1, 1, 3, 1))
	if want := "a poll shows impossible numbers of requests and was dropped"; result.Counted || strings.Join(result.Problems, "; ") != want {
		t.Errorf("got %+v", result)
	}
	if _, result = polled(t, state, 5, crowd("primary", 2, 1, 5, 7), crowd("canary", 1, 1, 5, 2)); result.Canary.Requests != 1 || result.Primary.Requests != 14 {
		t.Errorf("got %+v", result)
	}
}

func TestOneSeriesBelowTwoNamesCountsOnce(t *testing.T) {
	twice := append(crowd("canary", 1, 1, 3, 5), crowd("canary", 1, 1, 3, 5)...)
	state, _ := polled(t, State{}, 1, crowd("primary", 1, 1, 1, 0), crowd("canary", 1, 1, 1, 0))
	if _, result := polled(t, state, 3, crowd("primary", 1, 1, 3, 1), twice); result.Canary.Requests != 5 {
		t.Errorf("got %+v", result)
	}
}

func TestTextIsTheState(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		s := State{interval: random.Int64N(1e6), forgot: random.Int64N(2e12), partial: random.IntN(2) == 0}
		for range random.IntN(3) {
			last := 1 + random.Int64N(2e12)
			s.targets = append(s.targets, target{id: random.Uint64() & identity, arm: Arm(random.IntN(3)), last: last})
			for range random.IntN(4) {
				value := []float64{0, 7, 1 << 52, 1<<53 + 2, 0.25, math.MaxFloat64}[random.IntN(6)]
				s.series = append(s.series, counted{random.Uint64() & identity, s.targets[len(s.targets)-1].id, 1 + random.Int64N(last), value})
			}
		}
		s.targets, s.series = merged(s.targets, nil, inTargets), merged(s.series, nil, inSeries)
		if got := kept(t, s); got.Text() != s.Text() || len(s.series) > 0 && !reflect.DeepEqual(got, s) {
			t.Fatalf("got %+v, want %+v", got, s)
		}
	}
}

func TestParseRefusesWhatIsNoText(t *testing.T) {
	good, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(1)), Began: began, Series: crowd("primary", 2, 2, 1, 7)})
	text := good.Text()
	for name, bad := range map[string]string{
		"nothing": "", "no base64": "{}", "another version": "Ag" + text[2:], "cut off": text[:len(text)-4], "more": text + "AAAA", "very long": strings.Repeat("A", 1<<20),
	} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%s is %+v", name, s)
		}
	}
}

func TestTheIntervalIsThatOfTheScrapes(t *testing.T) {
	for name, c := range map[string]struct {
		polls [][]Series
		want  time.Duration
		every time.Duration
	}{
		"unknown with one sample":                     {[][]Series{{ofPod("primary-a", 2, 1, 1)}}, 0, 5 * time.Second},
		"the usual one, whatever is missing":          {[][]Series{{ofPod("primary-a", 2, 1, 1, 3, 1, 5, 1, 11, 1, 13, 1)}}, 2 * time.Second, 2 * time.Second},
		"the same for scrapes that are a little late": {[][]Series{{ofPod("primary-a", 2, 1, 1, 3.004, 1, 4.998, 1)}}, 2 * time.Second, 2 * time.Second},
		"that of the version which is slower":         {[][]Series{{ofPod("primary-a", 2, 1, 1, 3, 1, 5, 1), ofPod("canary-a", 2, 1, 1, 16, 1)}}, 15 * time.Second, 15 * time.Second},
		"seen in two polls":                           {[][]Series{{ofPod("primary-a", 2, 1, 1)}, {ofPod("primary-a", 2, 61, 1)}}, time.Minute, time.Minute},
		"followed no more often than every 2 s":       {[][]Series{{ofPod("primary-a", 2, 1, 1, 1.5, 1)}}, 500 * time.Millisecond, 2 * time.Second},
		"followed no less often than every 2 min":     {[][]Series{{ofPod("primary-a", 2, 1, 1, 601, 1)}}, 10 * time.Minute, 2 * time.Minute},
		"not the length of a gap":                     {[][]Series{{ofPod("primary-a", 2, 1, 1, 3, 1)}, {ofPod("primary-a", 2, 601, 1)}}, 4 * time.Second, 4 * time.Second},
		"grown step by step if scrapes are slower":    {[][]Series{{ofPod("primary-a", 2, 1, 1, 3, 1)}, {ofPod("primary-a", 2, 18, 1)}, {ofPod("primary-a", 2, 33, 1)}, {ofPod("primary-a", 2, 33, 1, 48, 1)}}, 15 * time.Second, 15 * time.Second},
		"the last one that was seen":                  {[][]Series{{ofPod("primary-a", 2, 1, 1, 3, 1)}, {ofPod("primary-a", 2, 3, 1)}, {}}, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var state State
			var result Result
			for _, series := range c.polls {
				state, result = polled(t, state, 700, series)
			}
			if result.Interval != c.want || state.Every() != c.every {
				t.Errorf("got %v, every %v", result.Interval, state.Every())
			}
		})
	}
}

func TestAPollLooksBackToTheLastOne(t *testing.T) {
	seen := func(series ...Series) State {
		s, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(700)), Began: began, Series: series})
		return s
	}
	young, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(700)), Began: began, Created: map[string]time.Time{"canary-a": began},
		Series: []Series{ofPod("primary-a", 2, 598, 1, 600, 1), ofPod("canary-a", 2, 600, 1)}})
	both := []Series{ofPod("primary-a", 2, 598, 1, 600, 1), ofPod("canary-a", 2, 598, 1, 600, 1)}
	for name, c := range map[string]struct {
		state  State
		second float64
		want   time.Duration
	}{
		"a little at first":                         {State{}, 1, 10 * time.Second},
		"to the first sample until another is seen": {seen(ofPod("primary-a", 2, 600, 1)), 640, 50 * time.Second},
		"no further than for the slowest scrapes":   {seen(ofPod("primary-a", 2, 600, 1)), 6000, 5 * time.Minute},
		"three scrapes":                             {seen(both...), 600, 6 * time.Second},
		"over a gap, and two scrapes before":        {seen(both...), 610, 16 * time.Second},
		"no further than 15 scrapes":                {seen(both...), 624, 30 * time.Second},
		"as usual after a long gap":                 {seen(both...), 625, 6 * time.Second},
		"as far as for the version that is behind":  {seen(append(both[:1:1], ofPod("canary-a", 2, 590, 1, 592, 1))...), 600, 14 * time.Second},
		"no further for a pod that is new":          {young, 610, 16 * time.Second},
		"with a clock that is behind":               {seen(both...), 1, 6 * time.Second},
	} {
		if got := c.state.Back(time.UnixMilli(at(c.second))); got != c.want {
			t.Errorf("%s: it looks back %v, want %v", name, got, c.want)
		}
	}
}
