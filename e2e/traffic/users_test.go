package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/e2e/sample/answer"
)

// simulated sends one request per second to a handler for a duration, on the clock of the bubble, by which cookies expire too.
func simulated(t *testing.T, options Options, seconds int, handler http.HandlerFunc) *Run {
	t.Helper()
	options.URL, options.Rate = "http://127.0.0.1/", 1
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second-time.Millisecond)
	defer cancel()
	run := start(ctx, options, roundTripper(func(r *http.Request) (*http.Response, error) {
		w := &recorded{header: http.Header{}}
		handler(w, r)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(&w.body), Header: w.header}, nil
	}))
	<-run.Ended()
	return run
}

type recorded struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header               { return r.header }
func (r *recorded) Write(content []byte) (int, error) { return r.body.Write(content) }
func (r *recorded) WriteHeader(int)                   {}

func TestUsersTreatCookiesAsBrowsersDo(t *testing.T) {
	for name, c := range map[string]struct {
		cookie string
		// want is what the first of two users sends with each of its requests, which are two seconds apart.
		want []string
	}{
		"a cookie is sent from then on":        {"c=1", []string{"", "c=1", "c=1", "c=1"}},
		"it expires":                           {"c=1; Max-Age=3", []string{"", "c=1", "", "c=1"}},
		"it belongs to its path":               {"c=1; Path=/cart", []string{"", "", "", ""}},
		"it may be for all hosts of a domain":  {"c=1; Domain=example.com", []string{"", "c=1", "c=1", "c=1"}},
		"it is refused for a foreign domain":   {"c=1; Domain=example.org", []string{"", "", "", ""}},
		"a secure one is not sent without TLS": {"c=1; Secure", []string{"", "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				number := 0
				simulated(t, Options{Host: "shop.example.com", Users: 2}, 8, func(w http.ResponseWriter, r *http.Request) {
					if number++; number%2 == 0 {
						return
					}
					got = append(got, r.Header.Get("Cookie"))
					if r.Header.Get("Cookie") == "" {
						w.Header().Set("Set-Cookie", c.cookie)
					}
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, not %q", got, c.want)
				}
			})
		})
	}
}

func TestUsersWaitForAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		simulated(t, Options{Users: 1}, 9, func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.Header.Get("Cookie"))
			w.Header().Set("Set-Cookie", "c=1")
			time.Sleep(2500 * time.Millisecond)
		})
		for i, cookie := range got {
			if want := i > 0; want != (cookie != "") {
				t.Errorf("request %d of %d had the cookie %q", i, len(got), cookie)
			}
		}
		if len(got) < 3 {
			t.Errorf("only %d requests were sent", len(got))
		}
	})
}

func TestUsersHaveCookiesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		number := 0
		run := simulated(t, Options{Host: "shop.example.com", Users: 2}, 2, func(w http.ResponseWriter, _ *http.Request) {
			number++
			w.Header().Set("Set-Cookie", fmt.Sprintf("c=%d", number))
		})
		for user, want := range map[int]string{0: "[]", 1: "[c=1]", 2: "[c=2]", 3: "[]"} {
			if got := fmt.Sprint(run.Cookies(user, "http://shop.example.com/")); got != want {
				t.Errorf("user %d has %s, not %s", user, got, want)
			}
		}
		if got := run.Cookies(1, "http://other.example.com/"); len(got) != 0 {
			t.Errorf("another host gets %v", got)
		}
	})
}

func TestEachUserAsksAllTargetsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		options := Options{Host: "a.example.com", Users: 2, Header: http.Header{"X-All": {"1"}}, Keep: []string{"x-kept", "x-absent"}, Also: []Target{
			{URL: "http://127.0.0.1/?tester=yes", Host: "b.example.com", Header: http.Header{"X-One": {"2"}}}}}
		run := simulated(t, options, 5, func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.Host+r.URL.RequestURI()+" "+r.Header.Get("X-All")+r.Header.Get("X-One"))
			w.Header().Set("X-Kept", "yes")
			w.Header().Set("X-Other", "no")
		})
		a, b := "a.example.com/ 1", "b.example.com/?tester=yes 12"
		if diff := cmp.Diff([]string{a, b, a, b, a}, got); diff != "" {
			t.Error(diff)
		}
		var users []int
		for _, answered := range run.Report().Answers {
			users = append(users, answered.User)
			if diff := cmp.Diff(http.Header{"X-Kept": {"yes"}}, answered.Header); diff != "" {
				t.Error(diff)
			}
		}
		if !slices.Equal(users, []int{1, 1, 2, 2, 1}) || !slices.Equal(run.Report().Users(), []int{1, 2}) || run.Report().By(2).Total() != 2 {
			t.Errorf("users %v asked", users)
		}
	})
}

func TestAnswersRememberWhatTheApplicationSaid(t *testing.T) {
	said := answer.Answer{Version: "v1", Headers: map[string]string{"x-user": "7"}, Upstream: &answer.Answer{Version: "v2"}}
	for name, c := range map[string]struct {
		options Options
		body    func(w io.Writer)
		want    *answer.Answer
	}{
		"when asked for":                  {Options{Body: true}, func(w io.Writer) { _ = json.NewEncoder(w).Encode(said) }, &said},
		"not when not asked for":          {Options{}, func(w io.Writer) { _ = json.NewEncoder(w).Encode(said) }, nil},
		"nothing when it is another text": {Options{Body: true}, func(w io.Writer) { _, _ = io.WriteString(w, "<html>") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report := simulated(t, c.options, 1, func(w http.ResponseWriter, _ *http.Request) { c.body(w) }).Report()
				if diff := cmp.Diff(c.want, report.Answers[0].Body); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestStrayed(t *testing.T) {
	for name, c := range map[string]struct {
		// answers are the versions that user 1 got one after another. A * marks a request that was sent before the previous one was
		// answered.
		answers string
		want    int
	}{
		"nobody was ever on it":                  {"v1 v1", 0},
		"on it and stays":                        {"v1 v2 v2", 0},
		"on it and leaves":                       {"v1 v2 v1 v2 v3", 2},
		"a request that was already on its way":  {"v1 v2 v1*", 0},
		"an answer of nobody does not count":     {"v2 -", 0},
		"the other user's versions do not count": {"v2 other", 0},
	} {
		var report Report
		for i, version := range strings.Fields(c.answers) {
			at := noon.Add(time.Duration(i) * time.Second)
			a := Answer{Sent: at, Done: at.Add(10 * time.Millisecond), User: 1, Version: strings.TrimRight(version, "*-")}
			if strings.HasSuffix(version, "*") {
				a.Sent = a.Sent.Add(-time.Second)
			}
			if version == "other" {
				a.User = 2
			}
			report.Answers = append(report.Answers, a)
		}
		if got := report.Strayed("v2").Total(); got != c.want {
			t.Errorf("%s: %d strayed, not %d", name, got, c.want)
		}
	}
}

func TestChainsAndHeadersSeen(t *testing.T) {
	chain := &answer.Answer{Version: "v2", Headers: map[string]string{"x-sluice-canary": "main"}, Upstream: &answer.Answer{Version: "v2"}}
	report := Report{[]Answer{{Body: chain}, {Body: chain}, {Body: &answer.Answer{Version: "v1"}}, {}}}
	if diff := cmp.Diff(map[string]int{"v2 > v2": 2, "v1": 1}, report.Chains()); diff != "" {
		t.Error(diff)
	}
	if got := report.Where(func(a Answer) bool { return a.Saw("X-Sluice-Canary") == "main" }).Total(); got != 2 {
		t.Errorf("%d saw the header", got)
	}
}
