package provider

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
	table := New(map[string]Provider{"prometheus": fixed{value: 7}, "empty": fixed{err: ErrNoData}, "broken": fixed{err: errors.New("no\n  such series")}})
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
	for problem, table := range map[string]map[string]Provider{
		"":                                     {"prometheus": counting{series: series}, "other": fixed{}},
		"Graphite could not answer: too large": {"prometheus": counting{fixed: fixed{err: errors.New("too\nlarge")}}},
		"no provider reads raw counters":       {"prometheus": fixed{}},
	} {
		got, why := New(table).Counters(t.Context(), analysis.Query{})
		if why != problem || (problem == "") != (len(got) == 1) {
			t.Errorf("%v and %q, not %q", got, why, problem)
		}
	}
}

// slow answers when it may, and counts how often it is asked.
type slow struct {
	asked *atomic.Int32
	may   chan struct{}
}

func (slow) Name() string { return "Graphite" }

func (s slow) Value(ctx context.Context, _ analysis.Query) (float64, error) {
	s.asked.Add(1)
	select {
	case <-s.may:
		return 7, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestCanariesShareAnAnswerOfTheSameServerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow{&atomic.Int32{}, make(chan struct{})}
		table := New(map[string]Provider{"graphite": s})
		query := func(token, expression string, window time.Duration) []analysis.Query {
			return []analysis.Query{{Expression: expression, Window: window, Server: &analysis.Server{Type: "graphite", Credentials: map[string]analysis.Secret{"token": analysis.Secret(token)}}}}
		}
		for _, asked := range [][]analysis.Query{query("a", "x", 1), query("a", "x", 1), query("b", "x", 1), query("a", "y", 1), query("a", "x", 2)} {
			go func() {
				if sample := table.Query(t.Context(), asked)[0]; sample.Value != 7 {
					t.Errorf("got %+v", sample)
				}
			}()
		}
		ended, end := context.WithCancel(t.Context())
		go func() {
			if sample := table.Query(ended, query("a", "x", 1))[0]; sample.Err != "no answer in time: context canceled" || sample.Provider != "Graphite" {
				t.Errorf("got %+v", sample)
			}
		}()
		synctest.Wait()
		end()
		synctest.Wait()
		close(s.may)
		synctest.Wait()
		if got := s.asked.Load(); got != 4 {
			t.Errorf("it is asked %d times, not 4", got)
		}
	})
}

func TestNoErrorHasCredentials(t *testing.T) {
	server := &analysis.Server{Credentials: map[string]analysis.Secret{"password": "hidden", "username": "jane", "org": "refused"}}
	got := hidden(server, errors.New("jane refused with hidden, Basic amFuZTpoaWRkZW4="))
	if want := "jane refused with (secret), Basic (secret)"; got != want {
		t.Errorf("got %s", got)
	}
}
