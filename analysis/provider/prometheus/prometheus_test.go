package prometheus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/analysis"
)

// server answers every query with the result that is named by it.
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

func TestQuery(t *testing.T) {
	s := server(t, map[string]string{
		"one":    `{"resultType":"vector","result":[{"metric":{},"value":[1,"99.5"]}]}`,
		"scalar": `{"resultType":"scalar","result":[1,"7"]}`,
		"none":   `{"resultType":"vector","result":[]}`,
		"two":    `{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]}]}`,
		"matrix": `{"resultType":"matrix","result":[]}`,
	})
	provider, err := New(strings.Replace(s.URL, "http://", "http://jane:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	var queries []analysis.Query
	for _, name := range []string{"one", "scalar", "none", "two", "matrix", "broken"} {
		queries = append(queries, analysis.Query{Metric: analysis.Metric(name), Expression: name})
	}
	want := []analysis.Sample{
		{Metric: "one", Value: 99.5}, {Metric: "scalar", Value: 7}, {Metric: "none", Missing: true},
		{Metric: "two", Err: "the query has 2 results in place of one"},
		{Metric: "matrix", Err: "the query has a matrix as its result in place of one value"},
		{Metric: "broken", Err: "bad_data: parse error: unexpected"},
	}
	if diff := cmp.Diff(want, provider.Query(t.Context(), queries)); diff != "" {
		t.Error(diff)
	}
}

func TestAServerThatIsGoneIsToldInOneLineWithoutTheQuery(t *testing.T) {
	s := server(t, nil)
	s.Close()
	provider, err := New(strings.Replace(s.URL, "http://", "http://jane:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	sample := provider.Query(t.Context(), []analysis.Query{{Metric: "m", Expression: "up"}})[0]
	if !strings.Contains(sample.Err, "connection refused") || strings.ContainsAny(sample.Err, "\n?") || strings.Contains(sample.Err, "secret") {
		t.Errorf("got %q", sample.Err)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "prometheus:9090", "ftp://prometheus", "http://", "http://jane:secret@ho st"} {
		if _, err := New(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
