package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/constants"
)

// made is a part of a page that is written from the guard itself.
var made = regexp.MustCompile("(?s)<!-- guard: ([a-z]+) -->\n.*?<!-- end -->\n")

// ofTheGuard are these parts by name.
var ofTheGuard = map[string]func(*testing.T) string{"arms": armsTable, "polls": pollsTable, "reasons": reasonsTable, "requests": requestsTable, "defaults": defaultsTable}

// TestSamplesOfTheGuard writes what the pages say about the guard by the guard.
func TestSamplesOfTheGuard(t *testing.T) {
	pages, err := filepath.Glob("*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range pages {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, name, made.ReplaceAllStringFunc(string(content), func(old string) string {
			part := made.FindStringSubmatch(old)[1]
			found = append(found, part)
			return fmt.Sprintf("<!-- guard: %s -->\n%s<!-- end -->\n", part, ofTheGuard[part](t))
		}))
	}
	if len(found) != len(ofTheGuard) {
		t.Errorf("the pages have the parts %v", found)
	}
}

// table writes rows under titles.
func table(titles []string, rows [][]string) string {
	var out strings.Builder
	out.WriteString("\n| " + strings.Join(titles, " | ") + " |\n|" + strings.Repeat("---|", len(titles)) + "\n")
	for _, row := range rows {
		out.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return out.String() + "\n"
}

// armsTable says which tests act for each way in which requests reach the canary.
func armsTable(t *testing.T) string {
	ways := []struct {
		says string
		guard.Traffic
	}{
		{"a weight: `canary`, and the weights after iterations", guard.Traffic{Weight: 10}},
		{"a weight, with `sessionAffinity`", guard.Traffic{Weight: 10, Sticky: true}},
		{"a weight, and testers by `match`: `canary with testers`", guard.Traffic{Weight: 10, Match: true}},
		{"`match` alone: `a/b`", guard.Traffic{Match: true}},
		{"copies: `mirroring`", guard.Traffic{Mirror: true}},
		{"tests only: `blue/green`, `tests, then canary`", guard.Traffic{}},
		{"all requests: the hold of `blue/green`", guard.Traffic{Weight: 100}},
		{"`without traffic`", guard.Traffic{None: true}},
		{"`without traffic`, by `bad` and `total` of your own", guard.Traffic{None: true, Work: true}},
	}
	all, shown := constants.Of[guard.Arms](t, "../internal/analysis/guard", "Arms"), map[guard.Arms]bool{}
	mark := func(acts bool) string { return map[bool]string{true: "yes", false: "–"}[acts] }
	var rows [][]string
	for _, way := range ways {
		shown[way.Arms()] = true
		acts := way.Arms().Acts()
		rows = append(rows, []string{way.says, mark(acts.Ratio), mark(acts.Rate), mark(acts.Missing), mark(acts.Route)})
	}
	if len(shown) != len(all) {
		t.Errorf("the table has %d of the %d kinds of arms", len(shown), len(all))
	}
	return table([]string{"how requests reach the canary", "compared with the primary", "compared with `sloErrorRate`", "missing requests are noticed", "the whole route is watched"}, rows)
}

// scene is a rollout that is told to the guard poll by poll.
type scene struct {
	settings guard.Settings
	moment   guard.Moment
	state    guard.State
	last     guard.Decision
}

func newScene(change func(*guard.Settings, *guard.Moment)) *scene {
	s := &scene{settings: guard.DefaultSettings(), moment: guard.Moment{Step: 2, Weight: 10, Next: 25, Arms: guard.ArmsSplit, Scrape: 5 * time.Second}}
	if change != nil {
		change(&s.settings, &s.moment)
	}
	s.state = guard.Start(s.settings, []guard.Arms{s.moment.Arms}, guard.History{})
	return s
}

// polls polls some times, every 5 s.
func (s *scene) polls(times int, canary, canaryFailed, primary, primaryFailed float64) *scene {
	for range times {
		s.moment.InStep += 5 * time.Second
		s.moment.Passed, s.moment.SincePoll = 5*time.Second, 5*time.Second
		poll := guard.Poll{Canary: guard.Counts{Requests: canary, Errors: canaryFailed}, Primary: guard.Counts{Requests: primary, Errors: primaryFailed}}
		s.state, s.last = guard.Decide(s.settings, s.state, &poll, s.moment)
	}
	return s
}

// looks lets time pass without new samples.
func (s *scene) looks(time time.Duration, stale bool) *scene {
	s.moment.InStep, s.moment.Passed, s.moment.SincePoll = s.moment.InStep+time, time, time
	if stale {
		s.moment.Stale = time
	}
	s.state, s.last = guard.Decide(s.settings, s.state, nil, s.moment)
	return s
}

// pollsTable follows the evidence of one bad canary.
func pollsTable(t *testing.T) string {
	s := newScene(nil)
	var rows [][]string
	for i, p := range [][4]float64{{20, 0, 180, 0}, {20, 1, 180, 0}, {20, 0, 180, 0}, {20, 2, 180, 0}, {20, 2, 180, 1}, {20, 3, 180, 0}, {20, 2, 180, 0}} {
		s.polls(1, p[0], p[1], p[2], p[3])
		rows = append(rows, []string{fmt.Sprintf("%d s", 5*(i+1)), fmt.Sprintf("%.0f of %.0f", p[1], p[0]), fmt.Sprintf("%.0f of %.0f", p[3], p[2]), fmt.Sprintf("%.3g", s.last.Evidence),
			string(s.last.Action)})
		if s.last.Action == guard.RollBack {
			break
		}
	}
	if s.last.Reason != guard.Harm {
		t.Errorf("the canary is not rolled back: %s", s.last.Message)
	}
	return table([]string{"after", "the canary's failed requests", "the primary's", "evidence", "the guard's answer"}, rows) + "> " + s.last.Message + "\n\n"
}

// reasonsTable has a sentence for each reason.
func reasonsTable(t *testing.T) string {
	last := func(_ *guard.Settings, m *guard.Moment) { m.Last, m.Next = true, 100 }
	scenes := []*scene{
		newScene(nil).polls(2, 20, 0, 180, 0),
		newScene(nil).polls(8, 200, 0, 1800, 2),
		newScene(nil).polls(13, 2, 0, 18, 0),
		newScene(last).polls(13, 2, 0, 18, 0),
		newScene(nil).polls(3, 200, 20, 1800, 2),
		newScene(nil).polls(13, 20, 0, 180, 0).polls(1, 20, 4, 180, 0),
		outage(),
		newScene(nil).polls(6, 0, 0, 1800, 2),
		newScene(func(_ *guard.Settings, m *guard.Moment) { m.Arms, m.Weight = guard.ArmsMatched, 0 }).looks(90*time.Second, false),
		newScene(nil).polls(3, 20, 0, 180, 0).looks(40*time.Second, true),
		newScene(func(_ *guard.Settings, m *guard.Moment) { m.NotReady = "2 of 3 pods of the canary are ready" }).polls(3, 20, 0, 180, 0),
		shared(),
		slow(),
	}
	missing := constants.Of[guard.Reason](t, "../internal/analysis/guard", "Reason")
	var rows [][]string
	for _, s := range scenes {
		missing = slices.DeleteFunc(missing, func(r guard.Reason) bool { return r == s.last.Reason })
		rows = append(rows, []string{"`" + string(s.last.Reason) + "`", string(s.last.Action), s.last.Message})
	}
	if len(missing) > 0 {
		t.Errorf("no sentence for %v", missing)
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return table([]string{"reason", "action", "for example"}, rows)
}

// outage makes more of the primary's requests fail than the SLO allows, though not many more than before the rollout.
func outage() *scene {
	s := newScene(nil)
	before := guard.History{Windows: [][]guard.Counts{{{Requests: 20000, Errors: 180}}}}
	s.state = guard.Start(s.settings, []guard.Arms{s.moment.Arms}, before)
	return s.polls(8, 200, 3, 1800, 32)
}

// shared is a canary that breaks what both versions need: the requests of both fail a little more often than the
// SLO allows, and neither's more than the other's.
func shared() *scene {
	s := newScene(func(settings *guard.Settings, _ *guard.Moment) { settings.HoldLimit = time.Hour })
	for range 200 {
		if s.polls(1, 200, 3, 1800, 23); s.last.Reason == guard.SharedDamage {
			break
		}
	}
	return s
}

// slow is a canary that is as slow as its primary, and slower than the user's limit.
func slow() *scene {
	s := newScene(func(settings *guard.Settings, _ *guard.Moment) {
		settings.Limit = &guard.Limit{Quantile: .99, Seconds: .5}
	})
	counts := func(n float64) guard.Counts {
		return guard.Counts{Requests: n, Timed: n, Slower: []float64{n / 5, n / 20}}
	}
	history := guard.History{Bounds: []float64{.1, .5}, Windows: [][]guard.Counts{{counts(20000)}}}
	s.state = guard.Start(s.settings, []guard.Arms{s.moment.Arms}, history)
	for range 8 {
		s.moment.InStep += 5 * time.Second
		s.moment.Passed, s.moment.SincePoll = 5*time.Second, 5*time.Second
		s.state, s.last = guard.Decide(s.settings, s.state, &guard.Poll{Canary: counts(200), Primary: counts(1800), Bounds: history.Bounds}, s.moment)
	}
	return s
}

// requestsTable says how long a healthy canary takes at different traffic.
func requestsTable(*testing.T) string {
	var rows [][]string
	settings := guard.DefaultSettings()
	for _, rps := range []float64{1, 10, 100, 1000, 10000} {
		ladder := guard.Ladder(rps)
		forecast := guard.Expect(settings, ladder, rps, .001, guard.History{})
		weights := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(ladder), "[]")), ", ")
		rows = append(rows, []string{fmt.Sprint(rps), weights + " %", forecast.String()})
	}
	return table([]string{"requests a second", "steps of the ladder", "the guard's forecast"}, rows)
}

// defaultsTable lists what holds unless a policy says otherwise.
func defaultsTable(*testing.T) string {
	s := guard.DefaultSettings()
	return table([]string{"field of `analysis.guard`", "default", "what it means"}, [][]string{
		{"`sloErrorRate`", fmt.Sprintf("%g %%", 100*s.SLO), "the error rate that a healthy version keeps below"},
		{"`alpha`", fmt.Sprint(s.Alpha), "the chance that a healthy version is rolled back, over the whole rollout and all metrics"},
		{"`rho`", fmt.Sprint(s.Rho), fmt.Sprintf("how many times the primary's rate the canary's may be, plus %g %% for errors", 100*s.Delta)},
		{"`latency`", fmt.Sprint(s.Latency), "whether latencies are compared with the primary's"},
		{"`minDwell`", short(s.MinDwell), "the least time in a step"},
		{"`maxDwell`", short(s.MaxDwell), "when a step of the ladder ends that has proven nothing; your own steps have their durations"},
		{"`earlyAdvance`", "with the ladder", "whether a step ends as soon as the canary is proven healthy enough for the next"},
		{"`onInconclusive`", "`" + string(s.OnInconclusive) + "`", "what follows if the last step has proven nothing for " + short(s.FinalWait)},
		{"`onSuspicious`", "`" + string(s.OnSuspicious) + "`", "what follows if the data has favored harm for " + short(s.HoldLimit) + " without proving it; weak suspicion always pauses"},
	})
}

// short is a time without the zeros of Go's.
func short(d time.Duration) string {
	return strings.TrimSuffix(d.String(), "m0s") + strings.Repeat("m", strings.Count(d.String(), "m0s"))
}
