package traffic

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnswersAreCountedByVersionAndStatus(t *testing.T) {
	var served atomic.Int64
	enough := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := served.Add(1)
		w.Header().Set(VersionHeader, []string{"v1", "v2"}[n%2])
		if n%4 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		if r.Host != "shop.example.com" || r.Header.Get("x-test") != "yes" {
			t.Errorf("got host %s and headers %v", r.Host, r.Header)
		}
		if n == 40 {
			close(enough)
		}
	}))
	defer server.Close()
	run, err := Start(t.Context(), Options{URL: server.URL, Host: "shop.example.com", Rate: 500, Header: http.Header{"X-Test": {"yes"}}})
	if err != nil {
		t.Fatal(err)
	}
	<-enough
	report := run.Stop()
	total := int(served.Load())
	if report.Total() != total || report.Of("v1").Total()+report.Of("v2").Total() != total || report.Failed().Total() != total/4 {
		t.Errorf("%d served, counted %s", total, report)
	}
	if report.FirstSeen("v2").IsZero() || report.LastSeen("v2").Before(report.FirstSeen("v2")) || !report.FirstSeen("v9").IsZero() {
		t.Errorf("v2 was seen from %s to %s", report.FirstSeen("v2"), report.LastSeen("v2"))
	}
}

func TestASlowAnswerDoesNotSlowTheRate(t *testing.T) {
	var served atomic.Int64
	enough := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == 30 {
			close(enough)
		}
		<-release
	}))
	defer server.Close()
	run, err := Start(t.Context(), Options{URL: server.URL, Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	<-enough
	close(release)
	run.Stop()
}

func TestAServerThatIsGoneIsAFailure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	run, err := Start(t.Context(), Options{URL: server.URL, Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	for run.Report().Total() == 0 {
		<-time.After(time.Millisecond)
	}
	if report := run.Stop(); report.Failed().Total() != report.Total() || !strings.Contains(report.String(), "connection refused") {
		t.Errorf("got %s", report)
	}
}

func TestOnlyLoopbackIsAsked(t *testing.T) {
	for _, address := range []string{"http://192.0.2.1/", "not a URL", ""} {
		if _, err := Start(t.Context(), Options{URL: address, Rate: 1}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	if _, err := Start(t.Context(), Options{URL: "http://127.0.0.1/", Rate: 0}); err == nil {
		t.Error("a rate of 0 was taken")
	}
}

func TestAReportTellsVersionsAndStatuses(t *testing.T) {
	report := Report{Answers: []Answer{{Version: "v1", Status: 200}, {Version: "v1", Status: 200}, {Version: "v2", Status: 500}, {Version: "v2", Status: 404}}}
	if got, want := report.String(), "v1 2 (50%)  v2 2 (50%) 404:1 500:1  failed 1"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, not %q", got, want)
	}
}

func TestBetween(t *testing.T) {
	base := time.Unix(1000, 0)
	report := Report{Answers: []Answer{{Sent: base, Version: "v1"}, {Sent: base.Add(time.Second), Version: "v2"}, {Sent: base.Add(2 * time.Second), Version: "v2"}}}
	if got := report.Between(base.Add(time.Second), base.Add(2*time.Second)); got.Total() != 1 || got.Share("v2") != 1 {
		t.Errorf("got %s", got)
	}
	if got := report.Between(base, time.Time{}); got.Total() != 3 {
		t.Errorf("without an end: got %s", got)
	}
}
