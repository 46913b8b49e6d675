package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
)

func counters(expression string) analysis.Query {
	return analysis.Query{Metric: analysis.Counters, Expression: expression}
}

func TestRawSamplesHaveTheirOwnTimes(t *testing.T) {
	s := server(t, map[string]string{
		"counters": `{"resultType":"matrix","result":[
			{"metric":{"__name__":"requests","code":"200"},"values":[[1.5,"7"],[3.501,"9007199254740993"],[5,"NaN"],[6,"+Inf"]]},
			{"metric":{"__name__":"durations"},"histograms":[[2,{"count":"3","sum":"1","buckets":[[1,"0.25","0.5","2"],[0,"1","2","1"]]}]]},
			{"metric":{}}]}`,
		"none":   `{"resultType":"matrix","result":[]}`,
		"vector": `{"resultType":"vector","result":[]}`,
		"empty":  `null`,
		"null":   `{"resultType":"matrix","result":[null]}`,
	})
	prom, err := New(strings.Replace(s.URL, "http://", "http://jane:secret@", 1), outbound.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := prom.Raw(t.Context(), counters("counters"))
	if err != nil {
		t.Fatal(err)
	}
	want := []analysis.RawSeries{
		{Labels: map[string]string{"__name__": "requests", "code": "200"}, Samples: []analysis.Point{{At: 1500, Value: 7}, {At: 3501, Value: 9007199254740992}, got[0].Samples[2], got[0].Samples[3]}},
		{Labels: map[string]string{"__name__": "durations"}, Samples: []analysis.Point{}, Histograms: []analysis.HistogramPoint{
			{At: 2000, Count: 3, Buckets: []analysis.HistogramBucket{{Lower: 0.25, Upper: 0.5, Count: 2}, {Lower: 1, Upper: 2, Count: 1}}}}},
		{Labels: map[string]string{}, Samples: []analysis.Point{}},
	}
	if diff := cmp.Diff(want[1:], got[1:]) + cmp.Diff(want[0].Labels, got[0].Labels) + cmp.Diff(want[0].Samples[:2], got[0].Samples[:2]); diff != "" || len(got[0].Samples) != 4 {
		t.Errorf("%s%v", diff, got[0])
	}
	for _, query := range []string{"none", "null"} {
		if got, err := prom.Raw(t.Context(), counters(query)); err != nil || len(got) > 0 {
			t.Errorf("%s: got %v, %v", query, got, err)
		}
	}
	for query, problem := range map[string]string{"vector": "the query returns a vector; raw samples are expected", "empty": "the answer has no result", "broken": "bad_data: parse error"} {
		if _, err := prom.Raw(t.Context(), counters(query)); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: got %v", query, err)
		}
	}
}

func TestOnlyTheCountersOfAPresetAreReadRaw(t *testing.T) {
	none := mustNew(t, "")
	own := mustNew(t, "http://127.0.0.1:1")
	for name, c := range map[string]struct {
		provider *Provider
		query    analysis.Query
		want     string
	}{
		"a query of a user":           {own, analysis.Query{Metric: analysis.Custom, Expression: "up"}, "only the counters of a preset"},
		"a server of a user":          {own, analysis.Query{Metric: analysis.Counters, Server: &analysis.Server{}}, "only the counters of a preset"},
		"no server of the controller": {none, counters("up"), "no Prometheus is configured"},
	} {
		if _, err := c.provider.Raw(t.Context(), c.query); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestRawAnswersTakeLittleMemory asks for more answers than are read at the same time, each of the largest that are read.
func TestRawAnswersTakeLittleMemory(t *testing.T) {
	const most = 200 << 20
	// What counts is what is in use. By default, as much again may be garbage that nobody has collected yet.
	usual := debug.SetGCPercent(10)
	t.Cleanup(func() { debug.SetGCPercent(usual) })
	series := func(i int) string {
		return fmt.Sprintf(`{"metric":{"__name__":"http_request_duration_seconds_bucket","instance":"10.0.0.1:9090","job":"pods","namespace":"shop","pod":"podinfo-7d9c5b-abcde",`+
			`"path":"/items/%d","code":"200","le":"0.25"},"values":[[1800000000.123,"%d"],[1800000002.123,"%d"],[1800000004.123,"%d"],[1800000006.123,"%d"]]}`, i, i, i, i, i)
	}
	var many strings.Builder
	for i := range 19_000 {
		many.WriteString(series(i) + ",")
	}
	usually := strings.Join(strings.SplitAfter(many.String(), "]]},")[:3300], "")
	for name, c := range map[string]struct{ result, want string }{
		"as many series as are read":  {"[" + usually + series(0) + "]", ""},
		"as many series as one reads": {"[" + many.String() + series(0) + "]", ""},
		"more series than are read":   {"[" + many.String() + many.String() + series(0) + "]", "the answer has more than 40000 objects: the counters have too many series: drop labels"},
		"one long label":              {`[{"metric":{"a":"` + strings.Repeat("x", 9<<20) + `"}}]`, "the answer is longer than 8388608 bytes"},
		"series of nothing":           {"[" + strings.Repeat("{},", 345_000) + "{}]", "the answer has more than 40000 objects: the counters have too many series"},
		"as many as are read":         {"[" + strings.Repeat("{},", 39_900) + "{}]", ""},
		"nothing":                     {"[" + strings.Repeat("null,", 1_600_000) + "null]", ""},
		"samples":                     {`[{"values":[` + strings.Repeat(`[1,"1"],`, 1_000_000) + `[1,"1"]]}]`, ""},
		"buckets":                     {`[{"histograms":[[1,{"count":"1","sum":"1","buckets":[` + strings.Repeat(`[0,"1","2","1"],`, 500_000) + `[0,"1","2","1"]]}]]}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":`)
				_, _ = io.WriteString(w, c.result)
				_, _ = io.WriteString(w, "}}")
			}))
			t.Cleanup(s.Close)
			prom := mustNew(t, s.URL)
			var all sync.WaitGroup
			var highest atomic.Uint64
			var done atomic.Int32
			for range 2 * rawAtOnce {
				all.Go(func() {
					_, err := prom.Raw(t.Context(), counters("up"))
					if len(c.result) > usual && errors.Is(err, context.DeadlineExceeded) {
						// Long ones are read one after another.
						return
					}
					done.Add(1)
					if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
						t.Errorf("got %v", err)
					}
					var now runtime.MemStats
					runtime.ReadMemStats(&now)
					if now.HeapAlloc > highest.Load() {
						highest.Store(now.HeapAlloc)
					}
				})
			}
			all.Wait()
			t.Logf("%d bytes, at most %d MiB", len(c.result), highest.Load()>>20)
			if done.Load() == 0 {
				t.Error("none is read in time")
			}
			if highest.Load() > most {
				t.Errorf("%d MiB were in use", highest.Load()>>20)
			}
		})
	}
}

func TestAnAnswerWaitsNoLongerThanFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prom := mustNew(t, "http://127.0.0.1:1")
		for range rawAtOnce {
			prom.reading <- struct{}{}
		}
		began := time.Now()
		_, err := prom.Raw(context.Background(), counters("up"))
		if err == nil || !strings.Contains(err.Error(), "other answers are still being read: context deadline exceeded") || time.Since(began) != rawTimeout {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// TestALongAnswerWaitsForAnother holds that only one is read beyond the usual length, while others are read as usual.
func TestALongAnswerWaitsForAnother(t *testing.T) {
	answers := map[string]string{"short": `{"resultType":"matrix","result":[]}`,
		"long": `{"resultType":"matrix","result":[{"metric":{"a":"` + strings.Repeat("x", 2*usual) + `"}}]}`}
	s := server(t, answers)
	prom := mustNew(t, strings.Replace(s.URL, "http://", "http://jane:secret@", 1))
	prom.large <- struct{}{}
	if _, err := prom.Raw(t.Context(), counters("short")); err != nil {
		t.Errorf("a short one: %v", err)
	}
	read := make(chan error)
	go func() {
		_, err := prom.Raw(t.Context(), counters("long"))
		read <- err
	}()
	for len(prom.reading) == 0 {
		runtime.Gosched()
	}
	select {
	case err := <-read:
		t.Fatalf("it is read beside another: %v", err)
	default:
	}
	<-prom.large
	if err := <-read; err != nil {
		t.Error(err)
	}
	if len(prom.large) != 0 || len(prom.reading) != 0 {
		t.Errorf("%d and %d turns are not given back", len(prom.large), len(prom.reading))
	}
}
