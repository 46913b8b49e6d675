package counters

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/internal/analysis"
)

// began is when the rollout of a test began. Times of tests are seconds after it.
var began = time.UnixMilli(1_800_000_000_000)

func at(second float64) int64 { return began.UnixMilli() + int64(second*1000) }

// points are samples: a second and a value, again and again.
func points(secondsAndValues ...float64) []analysis.Point {
	var p []analysis.Point
	for i := 0; i < len(secondsAndValues); i += 2 {
		p = append(p, analysis.Point{At: at(secondsAndValues[i]), Value: secondsAndValues[i+1]})
	}
	return p
}

func hash(name string) uint64 { return hashed("test", name) & identity }

// ofPod is what a pod counts itself. Its version is the part of its name before the hyphen.
func ofPod(pod string, class uint8, samples ...float64) Series {
	arm := Primary
	if strings.HasPrefix(pod, "canary") {
		arm = Canary
	}
	return Series{ID: hash(pod + string(rune('0'+class))), Target: hash(pod), Arm: arm, Kind: Requests, Pod: pod, Class: class, Samples: points(samples...)}
}

// ofGateway is what a gateway counts for a version.
func ofGateway(gateway string, arm Arm, class uint8, samples ...float64) Series {
	return Series{ID: hash(gateway + string(rune('0'+class)) + string(rune('0'+arm))), Target: hash(gateway), Arm: arm, Kind: Requests, Class: class, Samples: points(samples...)}
}

// scrapes shows that a pod was scraped.
func scrapes(pod string, samples ...float64) Series {
	s := ofPod(pod, 0, samples...)
	s.ID, s.Kind = hash(pod+"up"), Scrapes
	return s
}

// bucket is one of the histogram of a pod.
func bucket(pod string, bound float64, samples ...float64) Series {
	s := ofPod(pod, 0, samples...)
	s.ID, s.Family = hash(pod+time.Duration(bound*1e6).String()), hash(pod+"durations")
	if math.IsInf(bound, 1) {
		s.ID = hash(pod + "all")
	}
	s.Kind, s.Bound = Bucket, bound
	return s
}

var all = math.Inf(1)

// again is the same bucket as another series, such as le="1.0" and le="1". It is new.
func again(s Series) Series {
	s.ID++
	s.Samples = append(points(1, 90), s.Samples...)
	return s
}

// shown is one poll and what it has to show: requests and errors of the canary and of the primary. Nil for a poll that is none.
type shown struct {
	second float64
	series []Series
	want   []float64
}

// none is what a poll without a new sample of both shows.
var none []float64

func TestAdvance(t *testing.T) {
	young := map[string]time.Time{"canary-a": began, "canary-b": began.Add(time.Minute)}
	for name, c := range map[string]struct {
		created map[string]time.Time
		polls   []shown
	}{
		"what was counted before the rollout does not count": {nil, []shown{
			{1, []Series{ofGateway("g", Canary, 2, -9, 70, -1, 80), ofGateway("g", Primary, 2, -9, 700, -1, 800)}, none},
			{5, []Series{ofGateway("g", Canary, 2, -1, 80, 4, 81), ofGateway("g", Primary, 2, -1, 800, 4, 809)}, []float64{1, 0, 9, 0}},
		}},
		"all samples of the rollout count, those before the first poll, too": {nil, []shown{
			{9, []Series{ofGateway("g", Canary, 2, -1, 80, 4, 83), ofGateway("g", Primary, 2, -1, 800, 4, 809)}, none},
			{10, []Series{ofGateway("g", Canary, 2, 4, 83, 9, 84), ofGateway("g", Primary, 2, 4, 809, 9, 810)}, []float64{4, 0, 10, 0}},
		}},
		"the first requests of a canary count at a gateway that is new, because its scrape before had none": {nil, []shown{
			{2, []Series{ofGateway("g", Primary, 2, -1, 800, 1, 810), ofGateway("g", Canary, 5, 1, 3)}, none},
			{3, []Series{ofGateway("g", Primary, 2, -1, 800, 1, 810, 3, 820), ofGateway("g", Canary, 5, 1, 3, 3, 4), ofGateway("g", Canary, 2, 3, 1)}, []float64{5, 4, 20, 0}},
		}},
		"the requests that a new gateway shows in its first scrape are of any time": {nil, []shown{
			{2, []Series{ofGateway("g", Primary, 2, 1, 810), ofGateway("g", Canary, 5, 1, 3)}, none},
			{4, []Series{ofGateway("g", Primary, 2, 1, 810, 3, 820), ofGateway("g", Canary, 5, 1, 3, 3, 4), ofGateway("g", Canary, 2, 3, 1)}, []float64{2, 1, 10, 0}},
		}},
		"the first error of a canary counts, because its series is new at a gateway that is known": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 3, 810), ofGateway("g", Canary, 5, 3, 1)}, []float64{1, 1, 10, 0}},
		}},
		"the first error counts where the server shows a new series seconds late": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800), ofGateway("g", Canary, 2, 1, 5)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 1, 800, 2, 805, 3, 810), ofGateway("g", Canary, 2, 1, 5, 2, 6, 3, 6)}, []float64{1, 0, 10, 0}},
			{5, []Series{ofGateway("g", Primary, 2, 1, 800, 3, 810, 5, 820), ofGateway("g", Canary, 2, 1, 5, 3, 6, 5, 7), ofGateway("g", Canary, 5, 2, 1, 3, 1, 5, 2)}, []float64{3, 2, 10, 0}},
		}},
		"an old series that is shown late counts from its first sample in the answer": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800), ofGateway("g", Canary, 2, 1, 5)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 1, 800, 3, 810), ofGateway("g", Canary, 2, 1, 5, 3, 6)}, []float64{1, 0, 10, 0}},
			{5, []Series{ofGateway("g", Primary, 2, 3, 810, 5, 820), ofGateway("g", Canary, 2, 3, 6, 5, 7), ofGateway("g", Canary, 5, 3, 40, 5, 42)}, []float64{3, 2, 10, 0}},
		}},
		"a canary without any request counts as scraped, because its gateway was": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 3, 910)}, []float64{0, 0, 110, 0}},
		}},
		"the first error of a new pod counts": {young, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 810), ofPod("canary-a", 5, 2, 3), ofPod("canary-a", 2, 2, 4)}, []float64{7, 3, 10, 0}},
			{5, []Series{ofPod("primary-a", 2, 5, 820), ofPod("canary-a", 5, 4, 3), ofPod("canary-a", 2, 4, 5), ofPod("canary-b", 5, 4, 1)}, []float64{2, 1, 10, 0}},
		}},
		"a new pod of unknown age is remembered first": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 5)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 810), ofPod("primary-b", 2, 3, 90_000), ofPod("canary-a", 2, 3, 6)}, []float64{1, 0, 10, 0}},
			{5, []Series{ofPod("primary-a", 2, 5, 811), ofPod("primary-b", 2, 5, 90_001), ofPod("canary-a", 2, 5, 7)}, []float64{1, 0, 2, 0}},
		}},
		"a pod that is older than the rollout is remembered first": {map[string]time.Time{"canary-a": began.Add(-time.Second)}, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 5)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 810), ofPod("canary-a", 2, 3, 6)}, []float64{1, 0, 10, 0}},
		}},
		"a pod that was scraped before its first request is known": {nil, []shown{
			{1, []Series{scrapes("primary-a", 1, 1), scrapes("canary-a", 1, 1)}, none},
			{3, []Series{scrapes("primary-a", 3, 1), scrapes("canary-a", 3, 1), ofPod("primary-a", 2, 3, 4), ofPod("canary-a", 5, 3, 2)}, []float64{2, 2, 4, 0}},
		}},
		"a scrape that failed is none": {nil, []shown{
			{1, []Series{scrapes("primary-a", 1, 1), scrapes("canary-a", 1, 1)}, none},
			{3, []Series{scrapes("primary-a", 3, 1), scrapes("canary-a", 3, 0)}, none},
			{5, []Series{scrapes("primary-a", 5, 1), scrapes("canary-a", 5, 1)}, []float64{0, 0, 0, 0}},
		}},
		"a counter that falls was reset": {young, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 8), ofPod("canary-a", 2, 3, 100)}, []float64{100, 0, 8, 0}},
			{5, []Series{ofPod("primary-a", 2, 3, 8, 4, 2, 5, 7), ofPod("canary-a", 2, 3, 100, 4, 3, 5, 1)}, []float64{4, 0, 7, 0}},
		}},
		"the restart of one pod does not hide what another has counted": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("primary-b", 2, 1, 800), ofPod("canary-a", 2, 1, 0)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 900), ofPod("primary-b", 2, 3, 5), ofPod("canary-a", 2, 3, 0)}, []float64{0, 0, 105, 0}},
		}},
		"a series that is gone keeps what it gave, and continues when it is back": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 0), ofPod("canary-b", 2, 1, 0)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 801), ofPod("canary-a", 2, 3, 10), ofPod("canary-b", 2, 3, 10)}, []float64{20, 0, 1, 0}},
			{5, []Series{ofPod("primary-a", 2, 5, 802), ofPod("canary-b", 2, 5, 11)}, []float64{1, 0, 1, 0}},
			{7, []Series{ofPod("primary-a", 2, 7, 803), ofPod("canary-a", 2, 7, 15), ofPod("canary-b", 2, 7, 12)}, []float64{6, 0, 1, 0}},
		}},
		"a poll without a new sample is none": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800)}, none},
			{2, []Series{ofGateway("g", Primary, 2, 1, 800)}, none},
			{3, []Series{}, none},
			{4, []Series{ofGateway("g", Primary, 2, 1, 800, 4, 801)}, []float64{0, 0, 1, 0}},
			{5, []Series{ofGateway("g", Primary, 2, 1, 800, 4, 801)}, none},
		}},
		"a new sample of one version waits for one of the other": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 0)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 810), ofPod("canary-a", 2, 1, 0)}, none},
			{5, []Series{ofPod("primary-a", 2, 3, 810, 5, 820), ofPod("canary-a", 2, 1, 0)}, none},
			{6, []Series{ofPod("primary-a", 2, 5, 820), ofPod("canary-a", 2, 6, 3)}, []float64{3, 0, 20, 0}},
		}},
		"requests from before the canary was scraped are compared with nothing": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 900)}, none},
			{5, []Series{ofPod("primary-a", 2, 5, 1000), ofPod("canary-a", 2, 5, 1)}, none},
			{7, []Series{ofPod("primary-a", 2, 7, 1001), ofPod("canary-a", 2, 7, 2)}, []float64{1, 0, 1, 0}},
		}},
		"several gateways count the same Service, each its own requests": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800), ofGateway("h", Primary, 2, 0.4, 70)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 3, 810), ofGateway("h", Primary, 2, 2.4, 71), ofGateway("g", Canary, 2, 3, 2), ofGateway("h", Canary, 5, 2.4, 1)}, []float64{3, 1, 11, 0}},
			{4, []Series{ofGateway("g", Primary, 2, 3, 810), ofGateway("h", Primary, 2, 2.4, 71, 4.4, 80), ofGateway("g", Canary, 2, 3, 2), ofGateway("h", Canary, 5, 2.4, 1)}, []float64{0, 0, 9, 0}},
		}},
		"gateways that were all replaced are remembered, and counted again": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800)}, none},
			{3, []Series{ofGateway("h", Primary, 2, 3, 900), ofGateway("h", Canary, 2, 3, 70)}, none},
			{5, []Series{ofGateway("h", Primary, 2, 5, 910), ofGateway("h", Canary, 2, 5, 71)}, []float64{1, 0, 10, 0}},
		}},
		"samples twice, in no order, and those that no counter has are each counted once or not": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 0)}, none},
			{9, []Series{ofPod("primary-a", 2, 7, 820, 3, 805, 5, math.NaN(), 5.5, all, 5.6, -7, 3, 805, 7, 820), ofPod("canary-a", 2, 5, 3),
				ofPod("canary-a", 2, 5, 3)}, []float64{3, 0, 20, 0}},
			{13, []Series{ofPod("primary-a", 2, 11, 830, 9, 825, 9, 825), ofPod("canary-a", 2, 9, 4)}, []float64{1, 0, 10, 0}},
		}},
		"an answer of a replica that is behind sets nothing back": {nil, []shown{
			{1, []Series{ofGateway("g", Primary, 2, 1, 800), ofGateway("h", Primary, 2, 1, 70), ofGateway("h", Canary, 2, 1, 0)}, none},
			{3, []Series{ofGateway("g", Primary, 2, 3, 810), ofGateway("h", Primary, 2, 3, 71), ofGateway("h", Canary, 2, 3, 1)}, []float64{1, 0, 11, 0}},
			{4, []Series{ofGateway("g", Primary, 2, 4, 812), ofGateway("h", Primary, 2, 2.5, 70), ofGateway("h", Canary, 2, 2.5, 0)}, []float64{0, 0, 2, 0}},
			{5, []Series{ofGateway("g", Primary, 2, 5, 812), ofGateway("h", Primary, 2, 5, 72), ofGateway("h", Canary, 2, 5, 2)}, []float64{1, 0, 1, 0}},
		}},
		"counters beyond whole numbers of a float count": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 1<<53), ofPod("canary-a", 2, 1, 1<<60)}, none},
			{3, []Series{ofPod("primary-a", 2, 3, 1<<53+4), ofPod("canary-a", 2, 3, 1<<60+1<<10)}, []float64{1 << 10, 0, 4, 0}},
		}},
		"a long gap is one poll, which has all of it": {nil, []shown{
			{1, []Series{ofPod("primary-a", 2, 1, 800), ofPod("canary-a", 2, 1, 0)}, none},
			{3000, []Series{ofPod("primary-a", 2, 2998, 8000, 3000, 8001), ofPod("canary-a", 2, 2998, 70, 3000, 71), ofPod("canary-a", 5, 3000, 1)}, []float64{72, 1, 7201, 0}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var state State
			for _, p := range c.polls {
				var result Result
				state, result = Advance(kept(t, state), Poll{Now: time.UnixMilli(at(p.second)), Began: began, Created: c.created, Series: p.series})
				var got []float64
				if result.Counted {
					got = []float64{result.Canary.Requests, result.Canary.Errors, result.Primary.Requests, result.Primary.Errors}
				}
				if diff := cmp.Diff(p.want, got); diff != "" || len(result.Problems) > 0 {
					t.Errorf("after %v s: %s%v", p.second, diff, result.Problems)
				}
			}
		})
	}
}

// kept returns a state as it is after a restart of the controller.
func kept(t *testing.T, s State) State {
	t.Helper()
	parsed, err := Parse(s.Text())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestSlowerRequests(t *testing.T) {
	before := []Series{bucket("primary-a", all, 1, 100), bucket("primary-a", 300, 1, 90), bucket("primary-a", 1200, 1, 99), bucket("canary-a", all, 1, 0), bucket("canary-a", 300, 1, 0)}
	for name, c := range map[string]struct {
		then            []Series
		canary, primary []Bound
		problem         string
	}{
		"are those that a bucket lacks of all": {
			then:   []Series{bucket("primary-a", all, 3, 120), bucket("primary-a", 300, 3, 100), bucket("primary-a", 1200, 3, 118), bucket("canary-a", all, 3, 4), bucket("canary-a", 300, 3, 1)},
			canary: []Bound{{300, 4, 3}}, primary: []Bound{{300, 20, 10}, {1200, 20, 1}},
		},
		"are right after a reset that only some buckets show": {
			then:    []Series{bucket("primary-a", all, 3, 100), bucket("primary-a", 300, 3, 80), bucket("primary-a", 1200, 3, 100), bucket("canary-a", all, 3, 0), bucket("canary-a", 300, 3, 0)},
			primary: []Bound{{300, 100, 20}, {1200, 100, 0}},
		},
		"are unknown at a bound that was not read in the same scrape": {
			then:    []Series{bucket("primary-a", all, 3, 120), bucket("primary-a", 300, 2, 100), bucket("primary-a", 1200, 3, 118), bucket("canary-a", all, 3, 0), bucket("canary-a", 300, 3, 0)},
			primary: []Bound{{1200, 20, 1}},
		},
		"are unknown at a bound with more requests than there are": {
			then:    []Series{bucket("primary-a", all, 3, 120), bucket("primary-a", 300, 3, 120), bucket("primary-a", 1200, 3, 118), bucket("canary-a", all, 3, 0), bucket("canary-a", 300, 3, 0)},
			primary: []Bound{{1200, 20, 1}}, problem: "a bucket of a histogram grew by more than all of its requests and is not counted",
		},
		"are counted once at a bound that is written in two ways": {
			then:    []Series{bucket("primary-a", all, 3, 120), bucket("primary-a", 300, 3, 100), again(bucket("primary-a", 300, 3, 100)), bucket("canary-a", all, 3, 0), bucket("canary-a", 300, 3, 0)},
			primary: []Bound{{300, 20, 10}},
		},
		"are unknown without a bucket for all": {
			then:    []Series{bucket("primary-a", 300, 3, 120), bucket("primary-a", 1200, 3, 140), bucket("canary-a", all, 3, 1), bucket("canary-a", 300, 3, 1)},
			canary:  []Bound{{300, 1, 0}},
			problem: `a histogram has no bucket with le="+Inf" and is not counted: its latencies cannot be judged`,
		},
		"are counted at each bound of pods that have other ones": {
			then: []Series{bucket("primary-a", all, 3, 110), bucket("primary-a", 300, 3, 95), bucket("primary-a", 1200, 3, 109), bucket("canary-a", all, 3, 1), bucket("canary-a", 300, 3, 1),
				bucket("primary-n", all, 3, 6), bucket("primary-n", 500, 3, 2), bucket("primary-n", 300, 3, 1)},
			canary: []Bound{{300, 1, 0}}, primary: []Bound{{300, 16, 10}, {500, 6, 4}, {1200, 10, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			state, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(1)), Began: began, Series: before})
			_, result := Advance(kept(t, state), Poll{Now: time.UnixMilli(at(3)), Began: began, Series: c.then, Created: map[string]time.Time{"primary-n": began}})
			if diff := cmp.Diff(c.canary, result.Canary.Bounds) + cmp.Diff(c.primary, result.Primary.Bounds); diff != "" || !result.Counted {
				t.Errorf("counted: %v, %s", result.Counted, diff)
			}
			if got := strings.Join(result.Problems, "; "); got != c.problem {
				t.Errorf("the problems are %q", got)
			}
		})
	}
}

func TestPodsAreCountedApart(t *testing.T) {
	state, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(1)), Began: began,
		Series: []Series{ofPod("primary-b", 2, 1, 5), ofPod("primary-a", 2, 1, 7), ofPod("canary-a", 2, 1, 0), bucket("primary-b", all, 1, 5), bucket("primary-b", 300, 1, 5)}})
	_, result := Advance(state, Poll{Now: time.UnixMilli(at(3)), Began: began, Series: []Series{ofPod("primary-b", 2, 3, 6), ofPod("primary-b", 5, 3, 1), ofPod("primary-a", 2, 3, 9),
		ofPod("canary-a", 2, 2, 3), bucket("primary-b", all, 3, 7), bucket("primary-b", 300, 3, 6)}})
	want := Result{
		Counted:  true,
		Interval: 2 * time.Second,
		Canary:   Increments{Counts: Counts{Requests: 3}, Pods: []Pod{{"canary-a", Counts{Requests: 3}}}, Newest: time.UnixMilli(at(2))},
		Primary: Increments{Counts: Counts{Requests: 4, Errors: 1, Bounds: []Bound{{300, 2, 1}}}, Newest: time.UnixMilli(at(3)),
			Pods: []Pod{{"primary-a", Counts{Requests: 2}}, {"primary-b", Counts{Requests: 2, Errors: 1, Bounds: []Bound{{300, 2, 1}}}}}},
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
}

// TestAControlIsCounted holds that a control is counted as a canary is, and that a poll without a new sample of it is none while the
// canary is compared with it.
func TestAControlIsCounted(t *testing.T) {
	control := func(samples ...float64) Series {
		s := ofPod("control-a", 2, samples...)
		s.Arm = Control
		return s
	}
	poll := func(controlled bool, second float64, series ...Series) Poll {
		return Poll{Now: time.UnixMilli(at(second)), Began: began, Created: map[string]time.Time{"canary-a": began, "control-a": began}, Series: series, Controlled: controlled}
	}
	next, _ := Advance(State{}, poll(true, 6, ofPod("primary-a", 2, -5, 900, 0, 1000), ofPod("canary-a", 2, 5, 10), control(5, 9)))
	next, result := Advance(kept(t, next), poll(true, 11, ofPod("primary-a", 2, 0, 1000, 10, 1090), ofPod("canary-a", 2, 5, 10, 10, 20), control(5, 9, 10, 19)))
	state := kept(t, next)
	if diff := cmp.Diff([]float64{20, 19}, []float64{result.Canary.Requests, result.Control.Requests}); !result.Counted || diff != "" {
		t.Error(diff)
	}
	late := []Series{ofPod("primary-a", 2, 10, 1090, 15, 1180), ofPod("canary-a", 2, 10, 20, 15, 30), control(10, 19)}
	if _, none := Advance(state, poll(true, 16, late...)); none.Counted {
		t.Errorf("a poll without a sample of the control counts: %+v", none)
	}
	if _, counts := Advance(state, poll(false, 16, late...)); !counts.Counted || counts.Canary.Requests != 10 || counts.Control.Requests != 0 {
		t.Errorf("a poll without a control does not count: %+v", counts)
	}
}
