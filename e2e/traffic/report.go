package traffic

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/e2e/sample/answer"
)

// Answer is a request and its answer.
type Answer struct {
	// Sent is when the request was sent. Done is when its answer was complete or given up.
	Sent, Done time.Time
	// URL and Host are those of the request.
	URL, Host string
	// User is the number of the user who sent the request, from 1. 0 if there are no users.
	User int
	// Version is the version that answered, if it said so. Status is the status, or 0 without an answer.
	Version string
	Status  int
	// Err says why there was no complete answer. Empty if there was one.
	Err string
	// Header has the response headers that Options.Keep names, or all for gRPC.
	Header http.Header
	// Body is the sample application's answer. Nil if Options.Body is not set or there was no such answer.
	Body *answer.Answer
}

// Failed reports whether there was no complete answer, or one with a status of 500 or above.
func (a Answer) Failed() bool { return a.Err != "" || a.Status >= 500 }

// Latency is the time from sending the request to the end of its answer.
func (a Answer) Latency() time.Duration { return a.Done.Sub(a.Sent) }

// Report has the answers in the order in which they came.
type Report struct {
	Answers []Answer
}

// Where keeps the answers for which a condition holds.
func (r Report) Where(condition func(Answer) bool) Report {
	var kept []Answer
	for _, a := range r.Answers {
		if condition(a) {
			kept = append(kept, a)
		}
	}
	return Report{kept}
}

// Between keeps the requests that were sent from one moment to before another. A zero time is no limit.
func (r Report) Between(from, to time.Time) Report {
	return r.Where(func(a Answer) bool { return !a.Sent.Before(from) && (to.IsZero() || a.Sent.Before(to)) })
}

// Of keeps the answers of one version.
func (r Report) Of(version string) Report {
	return r.Where(func(a Answer) bool { return a.Version == version })
}

// Failed keeps the requests that failed.
func (r Report) Failed() Report { return r.Where(Answer.Failed) }

// Total is the number of requests.
func (r Report) Total() int { return len(r.Answers) }

// Share is the part of all requests that a version answered, 0 to 1.
func (r Report) Share(version string) float64 {
	if len(r.Answers) == 0 {
		return 0
	}
	return float64(r.Of(version).Total()) / float64(r.Total())
}

// FirstSeen is when a version first answered. Zero if it never did.
func (r Report) FirstSeen(version string) time.Time {
	var first time.Time
	for _, a := range r.Of(version).Answers {
		if first.IsZero() || a.Done.Before(first) {
			first = a.Done
		}
	}
	return first
}

// LastSeen is when a version last answered. Zero if it never did.
func (r Report) LastSeen(version string) time.Time {
	var last time.Time
	for _, a := range r.Of(version).Answers {
		if a.Done.After(last) {
			last = a.Done
		}
	}
	return last
}

// Versions returns the versions that answered, sorted.
func (r Report) Versions() []string {
	seen := map[string]bool{}
	for _, a := range r.Answers {
		if a.Version != "" {
			seen[a.Version] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// statuses counts each status except 200. Empty if there was no other.
func (r Report) statuses() string {
	counts := map[int]int{}
	for _, a := range r.Answers {
		if a.Status != 200 {
			counts[a.Status]++
		}
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf(" %d:%d", status, counts[status]))
	}
	return strings.Join(parts, "")
}

// String returns one line: requests by version and failed requests, with an example of the reason.
func (r Report) String() string {
	var parts []string
	for _, version := range r.Versions() {
		parts = append(parts, fmt.Sprintf("%s %d (%.0f%%)%s", version, r.Of(version).Total(), 100*r.Share(version), r.Of(version).statuses()))
	}
	// A gateway without a route for the request answers 404 itself. That is no failure of a version, but must not be overlooked.
	if unknown := r.Where(func(a Answer) bool { return a.Version == "" && a.Status != 0 }); unknown.Total() > 0 {
		parts = append(parts, fmt.Sprintf("no version %d (%.0f%%)%s", unknown.Total(), 100*float64(unknown.Total())/float64(r.Total()), unknown.statuses()))
	}
	failed := r.Failed()
	parts = append(parts, fmt.Sprintf("failed %d", failed.Total()))
	line := strings.Join(parts, "  ")
	for _, a := range failed.Answers {
		return strings.TrimRight(fmt.Sprintf("%s  first failure at %s: status %d %s %s", line, a.Sent.Format(time.TimeOnly), a.Status, a.Version, a.Err), " ")
	}
	return line
}
