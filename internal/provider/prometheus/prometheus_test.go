package prometheus

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

// server answers every query with the result that the query names.
func server(t *testing.T, results map[string]string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if user, password, _ := r.BasicAuth(); user != "jane" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		result, known := results[r.FormValue("query")]
		if !known {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"status":"error","errorType":"bad_data","error":"parse error:\n unexpected"}`))
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":` + result + `}`))
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns what a table with this Provider answers.
func asked(t *testing.T, prom *Provider, queries []analysis.Query) []analysis.Sample {
	t.Helper()
	return provider.New(map[string]provider.Provider{v1alpha1.ProviderPrometheus: prom}).Query(t.Context(), queries)
}

func TestQuery(t *testing.T) {
	s := server(t, map[string]string{
		"one":    `{"resultType":"vector","result":[{"metric":{},"value":[1,"99.5"]}]}`,
		"scalar": `{"resultType":"scalar","result":[1,"7"]}`,
		"none":   `{"resultType":"vector","result":[]}`,
		"two":    `{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]}]}`,
		"matrix": `{"resultType":"matrix","result":[]}`,
	})
	prom, err := New(strings.Replace(s.URL, "http://", "http://jane:secret@", 1), outbound.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	var queries []analysis.Query
	for _, name := range []string{"one", "scalar", "none", "two", "matrix", "broken"} {
		queries = append(queries, analysis.Query{Metric: analysis.Metric(name), Expression: name})
	}
	want := []analysis.Sample{
		{Metric: "one", Value: 99.5}, {Metric: "scalar", Value: 7}, {Metric: "none", Missing: true},
		{Metric: "two", Provider: "Prometheus", Err: "the query returns 2 results; one is expected: aggregate them, such as with sum() or max()"},
		{Metric: "matrix", Provider: "Prometheus", Err: "the query returns a matrix; one value is expected"},
		{Metric: "broken", Provider: "Prometheus", Err: "bad_data: parse error: unexpected"},
	}
	if diff := cmp.Diff(want, asked(t, prom, queries)); diff != "" {
		t.Error(diff)
	}
}

func TestAServerThatIsGoneIsToldInOneLineWithoutTheQuery(t *testing.T) {
	s := server(t, nil)
	s.Close()
	prom, err := New(strings.Replace(s.URL, "http://", "http://jane:secret@", 1), outbound.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	sample := asked(t, prom, []analysis.Query{{Metric: "m", Expression: "up"}})[0]
	if !strings.Contains(sample.Err, "connection refused") || strings.ContainsAny(sample.Err, "\n?") || strings.Contains(sample.Err, "secret") {
		t.Errorf("got %q", sample.Err)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"prometheus:9090", "ftp://prometheus", "http://", "http://jane:secret@ho st"} {
		if _, err := New(address, outbound.Rules{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// loopback are the rules under which servers of a test can be called.
var loopback = outbound.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// reaching returns a Provider that may also call servers of a test.
func reaching(t *testing.T) *Provider {
	t.Helper()
	prom, err := New("", loopback)
	if err != nil {
		t.Fatal(err)
	}
	return prom
}

func TestServersThatUsersNameAreNotInTheControllersPod(t *testing.T) {
	own := server(t, nil)
	prom, err := New(own.URL, outbound.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	for _, insecure := range []bool{false, true} {
		sample := asked(t, prom, []analysis.Query{{Expression: "up", Server: &analysis.Server{Type: v1alpha1.ProviderPrometheus, Address: own.URL, InsecureSkipVerify: insecure}}})[0]
		if !strings.Contains(sample.Err, "the address 127.0.0.1 is the controller's own pod, which only the pod itself may call: name a Service or another host") {
			t.Errorf("got %+v", sample)
		}
	}
}

func TestQueriesAreAnsweredByTheServersThatTheyName(t *testing.T) {
	var times atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		times.Add(1)
		if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("X-Scope-OrgID") != "shop" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`))
	}))
	t.Cleanup(other.Close)
	prom := reaching(t)
	allowed := &analysis.Server{Type: v1alpha1.ProviderPrometheus, Address: other.URL, InsecureSkipVerify: true, Credentials: map[string]analysis.Secret{analysis.KeyToken: "secret"}, Headers: map[string][]string{"X-Scope-OrgID": {"shop"}}}
	verifying := *allowed
	verifying.InsecureSkipVerify = false
	samples := asked(t, prom, []analysis.Query{
		{Check: "a", Metric: "m", Expression: "up", Server: allowed}, {Check: "b", Metric: "n", Expression: "up", Server: allowed},
		{Check: "c", Expression: "up", Server: &verifying}, {Check: "d", Expression: "up"},
	})
	want := []analysis.Sample{{Check: "a", Metric: "m", Value: 7}, {Check: "b", Metric: "n", Value: 7}}
	if diff := cmp.Diff(want, samples[:2]); diff != "" {
		t.Error(diff)
	}
	if times.Load() != 1 {
		t.Errorf("the same question is asked %d times", times.Load())
	}
	if !strings.Contains(samples[2].Err, "certificate") || samples[3].Err != "no Prometheus is configured" {
		t.Errorf("got %+v", samples[2:])
	}
	if told := fmt.Sprintf("%v %+v %#v", *allowed, *allowed, *allowed); strings.Contains(told, "secret\"") || strings.Contains(told, "Bearer") {
		t.Errorf("a log would have %s", told)
	}
}

func TestAServerThatRedirectsIsNotFollowedElsewhere(t *testing.T) {
	away := httptest.NewServer(http.RedirectHandler("http://localhost:1/", http.StatusTemporaryRedirect))
	t.Cleanup(away.Close)
	prom := reaching(t)
	sample := asked(t, prom, []analysis.Query{{Expression: "up", Server: &analysis.Server{Type: v1alpha1.ProviderPrometheus, Address: away.URL}}})[0]
	if !strings.Contains(sample.Err, "redirects to another host") {
		t.Errorf("got %+v", sample)
	}
}

func TestAServerThatAnswersWithoutEndIsCutOff(t *testing.T) {
	for name, begins := range map[string]string{"nothing but spaces": "", "one label": `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"`} {
		var sent atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(begins))
			for some := []byte(strings.Repeat(" ", 1<<16)); ; {
				n, err := w.Write(some)
				if sent.Add(int64(n)); err != nil || sent.Load() > 64<<20 {
					return
				}
			}
		}))
		t.Cleanup(s.Close)
		users, own := reaching(t), mustNew(t, s.URL)
		for by, prom := range map[string]struct {
			*Provider
			server *analysis.Server
		}{
			"a server that a user names": {users, &analysis.Server{Type: v1alpha1.ProviderPrometheus, Address: s.URL}},
			"the controller's own":       {own, nil},
		} {
			t.Run(name+" from "+by, func(t *testing.T) {
				sent.Store(0)
				sample := asked(t, prom.Provider, []analysis.Query{{Expression: "one", Server: prom.server}})[0]
				if !strings.Contains(sample.Err, "the answer is longer than 65536 bytes: aggregate the query to one value without labels") || sent.Load() > 32<<20 {
					t.Errorf("got %+v after %d bytes", sample, sent.Load())
				}
			})
		}
	}
}

func mustNew(t *testing.T, address string) *Provider {
	t.Helper()
	prom, err := New(address, outbound.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return prom
}

// TestAnswersTakeLittleMemory asks as many queries as a policy can have, each of which gets the largest answer that is read.
func TestAnswersTakeLittleMemory(t *testing.T) {
	const most = 100 << 20
	for name, result := range map[string]string{
		"one label":    `[{"metric":{"a":"` + strings.Repeat("x", 65000) + `"},"value":[1,"1"]}]`,
		"many results": "[" + strings.Repeat(`{"value":[1,"1"]},`, 3600) + `{"value":[1,"1"]}]`,
		"8 MiB":        `[{"metric":{"a":"` + strings.Repeat("x", 8<<20) + `"},"value":[1,"1"]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":`)
				_, _ = io.WriteString(w, result)
				_, _ = io.WriteString(w, "}}")
			}))
			t.Cleanup(s.Close)
			prom := mustNew(t, s.URL)
			var queries []analysis.Query
			for i := range 50 {
				queries = append(queries, analysis.Query{Expression: fmt.Sprint(i)})
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			asked(t, prom, queries)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}

// TestAnswers plays those of https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
func TestAnswers(t *testing.T) {
	const begin = `{"status":"success","data":{"resultType":"vector","result":[`
	battery.Kind{
		New: func(c *web.Client) provider.Provider {
			prom := reaching(t)
			prom.servers = c
			return prom
		},
		Server: analysis.Server{Type: v1alpha1.ProviderPrometheus, Headers: map[string][]string{"X-Scope-OrgID": {"shop"}}, Credentials: map[string]analysis.Secret{analysis.KeyToken: "hidden-token"}},
		Query:  `sum(rate(http_requests_total{app="podinfo-canary"}[60s]))`,
		Asked: func(t *testing.T, r *http.Request, body string) {
			if r.URL.Path != "/api/v1/query" || r.Header.Get("Authorization") != "Bearer hidden-token" || r.Header.Get("X-Scope-OrgID") != "shop" || !strings.Contains(body, "query=sum%28rate") {
				t.Errorf("got %s %v %s", r.URL, r.Header, body)
			}
		},
		Answer:   begin + `{"metric":{},"value":[1435781451.781,"%s"]}]}}`,
		Texts:    true,
		NoNumber: []string{"+Inf", "-Inf", "12.5a"},
		Empty:    []string{begin + `]}}`},
		Several:  []string{begin + `{"metric":{"a":"b"},"value":[1,"1"]},{"metric":{"a":"c"},"value":[1,"2"]}]}}`},
		Says: map[string]string{
			`{"status":"success","data":{"resultType":"string","result":[1,"12.5"]}}`: "unexpected value type",
			`{"status":"success","data":null}`:                                        "the answer has no result",
			`{"status":"success"}`:                                                    "",
			begin + `null]}}`:                                                         "without a value",
			begin + `{"metric":{}}]}}`:                                                "without a value",
			begin + `{"metric":{},"value":null}]}}`:                                   "without a value",
			`{"status":"success","data":{"resultType":"scalar","result":null}}`:       "",
		},
	}.Run(t)
}
