package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// began is when the server's samples end.
var began = time.Unix(1_800_000_000, 0)

// app is what pods of the app answer: three codes and a histogram of twelve bounds for each code, with samples some seconds apart until a
// time. Each pod answers ten requests between two samples, one of them with an error.
func app(workload string, pods, samples int, apart int64, until time.Time) string {
	var b strings.Builder
	add := func(labels, pod string, each float64) {
		fmt.Fprintf(&b, `{"metric":{%s,"namespace":"shop","job":"pods","instance":"10.0.%s:8080","pod":"%s-7d9c5b-%s"},"values":[`, labels, pod, workload, pod)
		for i := range samples {
			if i > 0 {
				b.WriteByte(',')
			}
			at := until.Unix() - int64(samples-1-i)*apart
			fmt.Fprintf(&b, `[%d,"%s"]`, at, strconv.FormatFloat(each*float64((at-began.Unix())/apart+10_000), 'f', -1, 64))
		}
		b.WriteString("]},")
	}
	for pod := range pods {
		name := fmt.Sprintf("a%04d", pod)
		for code, each := range map[string]float64{"200": 8, "404": 1, "500": 1} {
			add(fmt.Sprintf(`"__name__":"http_requests_total","code":"%s"`, code), name, each)
		}
		for code, all := range map[string]float64{"200": 8, "404": 1, "500": 1} {
			for i, bound := range []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"} {
				add(fmt.Sprintf(`"__name__":"http_request_duration_seconds_bucket","code":"%s","le":"%s"`, code, bound), name, min(all, all*float64(i)/5))
			}
		}
	}
	return b.String()
}

// TestADeploymentOf200PodsIsRead plays the answers about 200 pods of the primary: their history, and a look at them beside a hundred of
// the canary.
func TestADeploymentOf200PodsIsRead(t *testing.T) {
	raw, _ := analysis.RawFor(config.PresetApp, analysis.Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo", Replicas: 200})
	var minutes int
	if _, err := fmt.Sscanf(raw.History().Expression[strings.LastIndexByte(raw.History().Expression, '['):], "[%ds:60s]", &minutes); err != nil {
		t.Fatal(err)
	}
	minutes /= 60
	both := func(until time.Time) string {
		return app("podinfo", 200, 4, 2, until) + app("podinfo-canary", 100, 4, 2, until)
	}
	ask := func(result string) []analysis.RawSeries {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[` + strings.TrimSuffix(result, ",") + `]}}`))
		}))
		t.Cleanup(s.Close)
		prom, err := prometheus.New(s.URL, outbound.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := prom.Raw(t.Context(), raw.Query(time.Minute))
		if err != nil {
			t.Fatalf("%d bytes: %v", len(result), err)
		}
		return answer
	}
	before := polls.HistoryOf(raw, ask(app("podinfo", 200, minutes+1, 60, began)), began, false)
	if pods := len(before.History.Windows[0]); len(before.History.Windows) < minutes || pods != 50 {
		t.Errorf("%d minutes of %d pods", len(before.History.Windows), pods)
	}
	if want := 200 * 10 / 60.0; before.Rate < .99*want || before.Rate > 1.01*want || before.Errors < .099 || before.Errors > .101 {
		t.Errorf("%.2f requests a second, of which %.3f fail", before.Rate, before.Errors)
	}
	look := func(state counters.State, at time.Time) (counters.State, counters.Result) {
		return counters.Advance(state, polls.Look{Raw: raw, Answer: ask(both(at)), Now: at, Began: began.Add(-time.Hour)}.Poll())
	}
	state, _ := look(counters.State{}, began)
	state, _ = look(state, began.Add(2*time.Second))
	_, result := look(state, began.Add(4*time.Second))
	// Of each version, fifty pods are counted.
	for arm, got := range map[string]counters.Increments{"canary": result.Canary, "primary": result.Primary} {
		if !result.Counted || got.Requests != 500 || got.Errors != 50 || len(got.Bounds) != 11 || got.Bounds[0].Timed != 500 || got.Bounds[0].Slower != 500 {
			t.Errorf("the %s has %+v; %s", arm, got.Counts, strings.Join(result.Problems, "; "))
		}
	}
}
