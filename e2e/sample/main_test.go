package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// clock returns timers that end when the test says so, and records which were requested.
type clock struct {
	asked chan time.Duration
	ends  map[time.Duration]chan time.Time
}

func newClock(durations ...time.Duration) *clock {
	c := &clock{asked: make(chan time.Duration, 10), ends: map[time.Duration]chan time.Time{}}
	for _, d := range durations {
		c.ends[d] = make(chan time.Time)
	}
	return c
}

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.asked <- d
	return c.ends[d]
}

// served runs the app on loopback. It returns its URL and the result of serve.
func served(ctx context.Context, t *testing.T, a *app) (string, <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, a, listener, nil) }()
	return "http://" + listener.Addr().String(), ended
}

func code(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestItDrainsBeforeItEnds(t *testing.T) {
	const drain, delay = 5 * time.Second, 7 * time.Second
	c := newClock(drain, delay)
	a := newApp(settings{drain: drain})
	a.after = c.after
	ctx, terminate := context.WithCancel(t.Context())
	url, ended := served(ctx, t, a)
	underWay := make(chan int, 1)
	go func() { underWay <- code(url + "/delay/7") }()
	if d := <-c.asked; d != delay {
		t.Fatalf("waits %s, not for the request", d)
	}
	if got := code(url + "/healthz"); got != http.StatusOK {
		t.Errorf("before: healthz answers %d", got)
	}
	terminate()
	if d := <-c.asked; d != drain {
		t.Fatalf("drains %s, not %s", d, drain)
	}
	if got := code(url + "/healthz"); got != http.StatusServiceUnavailable {
		t.Errorf("while draining: healthz answers %d", got)
	}
	if got := code(url + "/"); got != http.StatusOK {
		t.Errorf("while draining: the app answers %d", got)
	}
	close(c.ends[drain])
	for code(url+"/") != 0 {
		<-time.After(time.Millisecond)
	}
	close(c.ends[delay])
	if got := <-underWay; got != http.StatusOK {
		t.Errorf("the request under way got %d", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("ends with %v", err)
	}
}

func TestItCrashesWhenTold(t *testing.T) {
	c := newClock(time.Hour)
	close(c.ends[time.Hour])
	a := newApp(settings{crashAfter: time.Hour})
	a.after = c.after
	_, ended := served(t.Context(), t, a)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "CRASH_AFTER=1h0m0s") {
		t.Errorf("ends with %v", err)
	}
}

func TestBadSettingsAndATakenPortEndIt(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for name, value := range map[string]string{"ERROR_RATE": "2", "PORT": port} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			if err := run(); err == nil || !strings.Contains(err.Error(), value) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestItSaysItsVersionAndPod(t *testing.T) {
	_, body, header := get(t, newApp(settings{version: "v2"}).handler(), "/")
	var got struct{ Version, Pod string }
	host, _ := os.Hostname()
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Version != "v2" || got.Pod != host {
		t.Errorf("got %s and %v", body, err)
	}
	if header.Get("Content-Type") != "application/json" {
		t.Errorf("got %v", header)
	}
}
