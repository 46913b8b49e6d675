package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/e2e/traffic"
)

func TestItPrintsSecondsAndASummary(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example.com" || r.Header.Get("X-Canary") != "a:b" {
			t.Errorf("got host %s and headers %v", r.Host, r.Header)
		}
		w.Header().Set("X-Version", "v1")
	}))
	defer server.Close()
	cmd := command()
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--url", server.URL, "--host", "shop.example.com", "--rate", "50", "--duration", "300ms", "--header", "X-Canary: a:b"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{`(?m)^\d\d:\d\d:\d\d  v1 \d+ \(100%\)  failed 0$`, `(?m)^VERSION +REQUESTS`, `(?m)^v1 +\d+ +100\.0% +0 +200:\d+ `} {
		if !regexp.MustCompile(pattern).MatchString(out.String()) {
			t.Errorf("%s is not in\n%s", pattern, out.String())
		}
	}
}

func TestUsersAskAllURLsAndKeepTheirCookies(t *testing.T) {
	var paths, cookies sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths.Store(r.URL.RequestURI(), true)
		if cookie := r.Header.Get("Cookie"); cookie != "" {
			cookies.Store(cookie, true)
		}
		w.Header().Set("Set-Cookie", "canary=yes; Path=/")
	}))
	defer server.Close()
	cmd := command()
	cmd.SetOut(io.Discard)
	cmd.SetArgs([]string{"--url", server.URL + "/", "--also", server.URL + "/cart?tester=1", "--users", "1", "--rate", "50", "--duration", "500ms"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string]*sync.Map{"/": &paths, "/cart?tester=1": &paths, "canary=yes": &cookies} {
		if _, ok := in.Load(what); !ok {
			t.Errorf("%s was not sent", what)
		}
	}
}

func TestAnInterruptEndsItWithTheSummary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == 5 {
			cancel()
		}
	}))
	defer server.Close()
	cmd := command()
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--url", server.URL, "--rate", "100", "--duration", "10m"})
	if err := cmd.ExecuteContext(ctx); err != nil || !strings.Contains(out.String(), "VERSION") {
		t.Errorf("got %v and %s", err, out.String())
	}
}

func TestBadFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a header without a value":    {[]string{"--header", "X-Test"}, `--header "X-Test"`},
		"a header without a name":     {[]string{"--header", ": x"}, "Name: value"},
		"a Host among the headers":    {[]string{"--header", "host: x"}, "set by --host"},
		"no duration":                 {[]string{"--duration", "0s"}, "--duration 0s"},
		"a rate of nothing":           {[]string{"--rate", "0"}, "above 0"},
		"less than no users":          {[]string{"--users", "-1"}, "users -1"},
		"another URL elsewhere":       {[]string{"--also", "http://192.0.2.1/"}, "loopback"},
		"a target on another machine": {[]string{"--url", "http://192.0.2.1/"}, "loopback"},
		"an argument":                 {[]string{"now"}, "now"},
	} {
		cmd := command()
		cmd.SetArgs(c.args)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, not %q", name, err, c.want)
		}
	}
}

func TestSecondsArePrintedOnceAndAlsoWhenNothingIsAnswered(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)
	report := traffic.Report{Answers: []traffic.Answer{
		{Sent: noon, Done: noon.Add(100 * time.Millisecond), Version: "v1", Status: 200},
		{Sent: noon, Done: noon.Add(2500 * time.Millisecond), Version: "v2", Status: 200},
		{Sent: noon, Done: noon.Add(4 * time.Second), Version: "v2", Status: 200},
	}}
	var out strings.Builder
	next := printSeconds(&out, report, noon, noon.Add(2*time.Second))
	next = printSeconds(&out, report, next, noon.Add(time.Second))
	printSeconds(&out, report, next, noon.Add(4*time.Second))
	want := "12:00:00  v1 1 (100%)  failed 0\n12:00:01  failed 0\n12:00:02  v2 1 (100%)  failed 0\n12:00:03  failed 0\n"
	if out.String() != want {
		t.Errorf("got\n%snot\n%s", out.String(), want)
	}
}
