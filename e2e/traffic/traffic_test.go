package traffic

import (
	"context"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	report := runUntilAnswered(t, Options{URL: server.URL, Rate: 200})
	if report.Failed().Total() != report.Total() || !strings.Contains(report.String(), "connection refused") {
		t.Errorf("got %s", report)
	}
	for _, a := range report.Answers {
		if a.Done.Before(a.Sent) {
			t.Errorf("a failed request was done at %s, before it was sent at %s", a.Done, a.Sent)
		}
	}
}

// runUntilAnswered sends until the first request has been answered or has failed.
func runUntilAnswered(t *testing.T, options Options) Report {
	t.Helper()
	run, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for run.Report().Total() == 0 {
		<-time.After(time.Millisecond)
	}
	return run.Stop()
}

func TestWhatCountsAsFailed(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		failed  bool
		status  int
		err     string
	}{
		"an answer is no failure":         {func(http.ResponseWriter, *http.Request) {}, false, 200, ""},
		"a client's error is no failure":  {http.NotFound, false, 404, ""},
		"a redirect is not followed":      {http.RedirectHandler("http://192.0.2.1/", http.StatusFound).ServeHTTP, false, 302, ""},
		"a server's error is a failure":   {answering(http.StatusServiceUnavailable), true, 503, ""},
		"a body cut off is a failure":     {cutOff, true, 200, "unexpected EOF"},
		"an answer too late is a failure": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true, 0, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			timeout := time.Minute
			if c.failed && c.status == 0 {
				timeout = 250 * time.Millisecond
			}
			answer := runUntilAnswered(t, Options{URL: server.URL, Rate: 100, Timeout: timeout}).Answers[0]
			if answer.Failed() != c.failed || answer.Status != c.status || !strings.Contains(answer.Err, c.err) || (c.err == "") != (answer.Err == "") {
				t.Errorf("got %+v", answer)
			}
		})
	}
}

func answering(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("x"))
}

func TestConnectionsAreKeptUnlessToldOtherwise(t *testing.T) {
	for name, c := range map[string]struct {
		noKeepAlive bool
		want        func(connections, requests int64) bool
	}{
		"kept by default":                   {false, func(connections, requests int64) bool { return connections < requests }},
		"one for each request when told so": {true, func(connections, requests int64) bool { return connections == requests }},
	} {
		t.Run(name, func(t *testing.T) {
			var connections, requests atomic.Int64
			enough := make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				if requests.Add(1) == 50 {
					close(enough)
				}
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			run, err := Start(t.Context(), Options{URL: server.URL, Rate: 200, NoKeepAlive: c.noKeepAlive})
			if err != nil {
				t.Fatal(err)
			}
			<-enough
			run.Stop()
			if !c.want(connections.Load(), requests.Load()) {
				t.Errorf("%d connections for %d requests", connections.Load(), requests.Load())
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The clock of the bubble makes the count exact, however busy the machine is.
func TestTheRateIsExactHoweverSlowTheAnswers(t *testing.T) {
	for name, latency := range map[string]time.Duration{
		"answers at once":              0,
		"answers slower than the rate": 3 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
				defer cancel()
				run := start(ctx, Options{URL: "http://127.0.0.1/", Rate: 50}, roundTripper(func(*http.Request) (*http.Response, error) {
					<-time.After(latency)
					return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
				}))
				<-run.Ended()
				report := run.Report()
				if report.Total() != 500 || report.Failed().Total() != 0 || report.Latency(0.5) != latency {
					t.Errorf("500 requests in 10 s of 50 a second were expected, got %s within %s", report, report.Latency(0.5))
				}
				for _, second := range report.Seconds() {
					if second.Total() != 50 {
						t.Errorf("%d requests in the second of %s", second.Total(), second.At)
					}
				}
			})
		})
	}
}

func TestRequestsUnderWayAreCountedByWhenTheyWereSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		began := time.Now()
		run := start(ctx, Options{URL: "http://127.0.0.1/", Rate: 1}, roundTripper(func(*http.Request) (*http.Response, error) {
			<-time.After(3 * time.Second)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
		}))
		time.Sleep(4200 * time.Millisecond)
		all, early := run.UnderWay(time.Now()), run.UnderWay(began.Add(2500*time.Millisecond))
		<-run.Ended()
		if all != 3 || early != 1 || run.UnderWay(time.Now()) != 0 {
			t.Errorf("%d were under way, %d of them early, and %d at the end", all, early, run.UnderWay(time.Now()))
		}
	})
}

func TestBadOptionsAreRefused(t *testing.T) {
	const good = "http://127.0.0.1/"
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"an address elsewhere":     {Options{URL: "http://192.0.2.1/", Rate: 1}, "192.0.2.1 is not"},
		"no URL at all":            {Options{URL: "not a URL", Rate: 1}, "such as http://"},
		"an empty URL":             {Options{Rate: 1}, "such as http://"},
		"another scheme":           {Options{URL: "ftp://127.0.0.1/", Rate: 1}, "such as http://"},
		"no rate":                  {Options{URL: good}, "above 0"},
		"a rate that is no number": {Options{URL: good, Rate: math.NaN()}, "above 0"},
		"an endless rate":          {Options{URL: good, Rate: math.Inf(1)}, "above 0"},
		"a negative timeout":       {Options{URL: good, Rate: 1, Timeout: -1}, "not be negative"},
		"less than no users":       {Options{URL: good, Rate: 1, Users: -1}, "users -1"},
		"a target elsewhere":       {Options{URL: good, Rate: 1, Also: []Target{{URL: "http://192.0.2.1/"}}}, "192.0.2.1 is not"},
	} {
		if _, err := Start(t.Context(), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, not %q", name, err, c.want)
		}
	}
}

func TestTheDialerItselfStaysOnLoopback(t *testing.T) {
	for address, allowed := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.1:80": true, "[::1]:80": true,
		"192.0.2.1:80": false, "[2001:db8::1]:80": false, "0.0.0.0:80": false, "nonsense": false,
	} {
		if err := dialLoopback("tcp", address, nil); (err == nil) != allowed {
			t.Errorf("%s: got %v", address, err)
		}
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
