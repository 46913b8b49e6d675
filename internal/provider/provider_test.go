package provider

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/internal/analysis"
)

// fixed answers every query in one way.
type fixed struct {
	value float64
	err   error
}

func (fixed) Name() string { return "Graphite" }

func (f fixed) Value(context.Context, analysis.Query) (float64, error) { return f.value, f.err }

func TestQueriesGoToTheProviderOfTheirServer(t *testing.T) {
	table := Table{"prometheus": fixed{value: 7}, "empty": fixed{err: ErrNoData}, "broken": fixed{err: errors.New("no\n  such series")}}
	server := func(kind string) *analysis.Server { return &analysis.Server{Type: kind} }
	got := table.Query(t.Context(), []analysis.Query{
		{Check: "own", Metric: analysis.Custom}, {Check: "empty", Server: server("empty")}, {Check: "broken", Server: server("broken")}, {Check: "unknown", Server: server("other")},
	})
	want := []analysis.Sample{{Check: "own", Metric: analysis.Custom, Value: 7}, {Check: "empty", Missing: true},
		{Check: "broken", Provider: "Graphite", Err: "no such series"}, {Check: "unknown", Provider: "other", Err: "provider type other is not supported"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// counting answers every query for raw counters in one way.
type counting struct {
	fixed
	series []analysis.RawSeries
}

func (c counting) Raw(context.Context, analysis.Query) ([]analysis.RawSeries, error) {
	return c.series, c.err
}

func TestRawCountersComeFromTheControllersOwnServer(t *testing.T) {
	series := []analysis.RawSeries{{Labels: map[string]string{"code": "200"}}}
	for problem, table := range map[string]Table{
		"":                                     {"prometheus": counting{series: series}, "other": fixed{}},
		"Graphite could not answer: too large": {"prometheus": counting{fixed: fixed{err: errors.New("too\nlarge")}}},
		"no provider reads raw counters":       {"prometheus": fixed{}},
	} {
		got, why := table.Counters(t.Context(), analysis.Query{})
		if why != problem || (problem == "") != (len(got) == 1) {
			t.Errorf("%v and %q, not %q", got, why, problem)
		}
	}
}
