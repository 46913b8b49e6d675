package plugin

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// metricsServer answers queries for raw samples as Prometheus does.
type metricsServer struct {
	// series are the samples of each series, with the labels as JSON.
	series map[string][]point
	// shortest is the longest range that it answers without being too long; 0 for any.
	shortest time.Duration
	// asked is how many queries it got.
	asked int
}

type point struct {
	at    time.Time
	value int64
}

// recordedFrom lets a scenario happen for an hour without a canary, then with the shares, a minute each.
func recordedFrom(s traffic.Scenario, start time.Time, shares ...float64) *metricsServer {
	m := &metricsServer{series: map[string][]point{}}
	requests := traffic.NewSource(s).Rollout(1, 1)
	hour := int64(time.Hour / time.Second)
	var canary, primary traffic.Sample
	for second := int64(1); second <= hour+60*int64(len(shares)); second++ {
		share := 0.0
		if second > hour {
			share = shares[(second-hour-1)/60]
		}
		view := requests.Next(share)
		if second > hour && view.CanarySample.At > canary.At {
			canary = view.CanarySample
			m.scrape("podinfo-canary-6f8b7c-ccccc", start, canary)
		}
		if view.PrimarySample.At > primary.At {
			primary = view.PrimarySample
			m.scrape("podinfo-7d9c5b-aaaaa", start, primary)
		}
	}
	return m
}

func (m *metricsServer) scrape(pod string, start time.Time, s traffic.Sample) {
	at := start.Add(time.Duration(s.At)*time.Second - time.Hour)
	add := func(name, more string, value int64) {
		labels := fmt.Sprintf(`{"__name__":%q,"namespace":"demo","pod":%q%s}`, name, pod, more)
		m.series[labels] = append(m.series[labels], point{at, value})
	}
	add("up", "", 1)
	add("http_requests_total", `,"code":"200"`, s.Requests-s.Errors)
	add("http_requests_total", `,"code":"503"`, s.Errors)
}

var (
	ofAll  = regexp.MustCompile(`^\{.*namespace="demo"\}\[(\d+)ms\] @ ([0-9.]+)$`)
	ofHour = regexp.MustCompile(`^\(sum by \(.*\) \(\{.*\}\)\)\[(3600)s:60s\] @ ([0-9.]+)$`)
)

// ServeHTTP answers an instant query: all samples of a range, or those of the primary at each minute.
func (m *metricsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.asked++
	part, unit, history := ofAll.FindStringSubmatch(r.FormValue("query")), time.Millisecond, false
	if part == nil {
		part, unit, history = ofHour.FindStringSubmatch(r.FormValue("query")), time.Second, true
	}
	if part == nil {
		http.Error(w, "unexpected query "+r.FormValue("query"), http.StatusBadRequest)
		return
	}
	length, _ := strconv.Atoi(part[1])
	back := time.Duration(length) * unit
	seconds, _ := strconv.ParseFloat(part[2], 64)
	until := time.UnixMilli(int64(seconds * 1000))
	var all []string
	for labels, points := range m.series {
		if history && (strings.Contains(labels, "-canary-") || strings.Contains(labels, `"up"`)) {
			continue
		}
		var values []string
		for _, p := range points {
			if p.at.After(until.Add(-back)) && !p.at.After(until) && (!history || p.at.Unix()%60 == 0) {
				values = append(values, fmt.Sprintf(`[%d,"%d"]`, p.at.Unix(), p.value))
			}
		}
		if len(values) > 0 {
			all = append(all, fmt.Sprintf(`{"metric":%s,"values":[%s]}`, labels, strings.Join(values, ",")))
		}
	}
	if m.shortest > 0 && back > m.shortest && !history {
		all = append(all, strings.Repeat("{", 50000))
	}
	_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s]}}`, strings.Join(all, ","))
}

var began = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// replayed runs simulate --from-prometheus.
func replayed(t *testing.T, server http.Handler, policy string, args ...string) (string, error) {
	t.Helper()
	metrics := httptest.NewServer(server)
	t.Cleanup(metrics.Close)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("policy.yaml", []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root := NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
	root.SetArgs(append([]string{"simulate", "--from-prometheus", metrics.URL, "-n", "demo", "--start", "2026-01-02T12:00:00Z", "--end", "2026-01-02T12:05:00Z"}, args...))
	err := root.Execute()
	return out.String(), err
}

func TestReplay(t *testing.T) {
	tenToFifty := []float64{.1, .2, .3, .4, .5}
	bad := recordedFrom(traffic.Scenario{Rate: 50, Base: .001, Canary: .04}, began, tenToFifty...)
	good := recordedFrom(traffic.Scenario{Rate: 50, Base: .001, Canary: .001}, began, tenToFifty...)
	for name, c := range map[string]struct {
		server *metricsServer
		policy string
		args   []string
		golden string
	}{
		"a bad version":         {bad, policyOf("{}"), []string{"--preset", "app"}, "replay"},
		"its answers too long":  {&metricsServer{series: bad.series, shortest: time.Minute}, policyOf("{}"), []string{"--preset", "app"}, "replay"},
		"numbers for programs":  {bad, policyOf("{}"), []string{"--preset", "app", "-o", "json"}, "replay-json"},
		"every poll":            {bad, policyOf("{}"), []string{"--preset", "app", "-o", "csv"}, "replay-csv"},
		"a plot":                {bad, policyOf("{}"), []string{"--preset", "app", "-o", "svg"}, "replay-svg"},
		"a good version":        {good, policyOf("{}"), []string{"--preset", "app"}, "replay-good"},
		"steps of the policy":   {good, policyOf("{analysis: {preset: app, interval: 1m, stepWeight: 10, maxWeight: 50}}"), []string{"--policy", "policy.yaml"}, "replay-steps"},
		"the whole name, again": {bad, policyOf("{}"), []string{"--preset", "app", "--service", "podinfo"}, "replay"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := replayed(t, c.server, c.policy, append([]string{"podinfo"}, c.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			isGolden(t, c.golden, got)
			if c.golden == "replay-json" && !json.Valid([]byte(got)) {
				t.Error("no JSON")
			}
			if c.golden == "replay-svg" {
				if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestReplayMistakes(t *testing.T) {
	full := recordedFrom(traffic.Scenario{Rate: 50, Base: .001, Canary: .001}, began, .1)
	only := func(name string) *metricsServer {
		m := &metricsServer{series: map[string][]point{}}
		for labels, points := range full.series {
			if strings.Contains(labels, `"`+name) {
				m.series[labels] = points
			}
		}
		return m
	}
	refuses := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	for name, c := range map[string]struct {
		server http.Handler
		args   []string
		want   string
		code   int
	}{
		"no name":             {full, nil, "name one Deployment whose past rollout is replayed", ExitUsage},
		"no preset":           {full, []string{"podinfo"}, `--preset "": must be one of app, aws-alb, cilium,`, ExitUsage},
		"no time":             {full, []string{"podinfo", "--preset", "app", "--start", "noon"}, `--start "noon"`, ExitUsage},
		"too long":            {full, []string{"podinfo", "--preset", "app", "--end", "2026-01-09T12:00:00Z"}, "must be after --start 2026-01-02T12:00:00Z, by at most 24h0m0s", ExitUsage},
		"the wrong way round": {full, []string{"podinfo", "--preset", "app", "--end", "2026-01-02T11:00:00Z"}, "must be after --start", ExitUsage},
		"scenarios, too":      {full, []string{"podinfo", "--preset", "app", "--scenario", "grid.yaml"}, "leave them out with --from-prometheus", ExitUsage},
		"no URL":              {full, []string{"podinfo", "--preset", "app", "--from-prometheus", "localhost"}, "--from-prometheus: the address of Prometheus must be a URL", ExitUsage},
		"a word that is not":  {full, []string{"podinfo", "--preset", "app", "-o", "yaml"}, "must be markdown, json, csv or svg", ExitUsage},
		"a server that refuses": {refuses, []string{"podinfo", "--preset", "app"},
			"read the hour before 2026-01-02T12:00:00Z: client_error: client error: 403", ExitError},
		"a server that is not": {full, []string{"podinfo", "--preset", "app", "--from-prometheus", "http://127.0.0.1:1"}, "connection refused", ExitError},
		"answers that stay too long": {&metricsServer{series: full.series, shortest: time.Second}, []string{"podinfo", "--preset", "app"},
			"the answer has more than 40000 objects", ExitError},
		"nothing recorded":     {&metricsServer{}, []string{"podinfo", "--preset", "app"}, "no requests to either version were recorded from 2026-01-02T12:00:00Z to 2026-01-02T12:05:00Z: check the namespace, the name", ExitError},
		"its query":            {&metricsServer{}, []string{"podinfo", "--preset", "app"}, `the query is {__name__=~"http_requests_total|`, ExitError},
		"no canary":            {only("podinfo-7d"), []string{"podinfo", "--preset", "app"}, "no requests to the canary podinfo-canary were recorded", ExitError},
		"no primary":           {only("podinfo-canary"), []string{"podinfo", "--preset", "app"}, "no requests to the primary podinfo were recorded", ExitError},
		"no requests":          {recordedFrom(traffic.Scenario{Rate: 50}, began, 0, 0), []string{"podinfo", "--preset", "app"}, "no requests to the canary, although it was scraped, were recorded", ExitError},
		"between two rollouts": {full, []string{"podinfo", "--preset", "app", "--start", "2026-01-02T12:30:00Z", "--end", "2026-01-02T12:40:00Z"}, "no requests to either version were recorded", ExitError},
		"flags without a URL":  {full, []string{"--from-prometheus", "", "--scenario", "grid.yaml"}, "give --from-prometheus URL, too", ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replayed(t, c.server, policyOf("{}"), c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) || ExitCode(err) != c.code {
				t.Errorf("got %v with exit code %d", err, ExitCode(err))
			}
		})
	}
}
