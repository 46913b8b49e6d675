package traffic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Answer is one request and what came back.
type Answer struct {
	// Sent and Done are when the request was sent and its answer complete.
	Sent, Done time.Time
	// Version that answered, and with which status; 0 when nothing answered.
	Version string
	Status  int
	// Err says why nothing answered.
	Err string
}

// Failed reports whether nothing answered, or a status from 500.
func (a Answer) Failed() bool { return a.Err != "" || a.Status >= 500 }

// Report is what was answered.
type Report struct {
	Answers []Answer
}

// Between keeps the requests that were sent from one moment to before another; the zero time is no bound.
func (r Report) Between(from, to time.Time) Report {
	var kept []Answer
	for _, a := range r.Answers {
		if !a.Sent.Before(from) && (to.IsZero() || a.Sent.Before(to)) {
			kept = append(kept, a)
		}
	}
	return Report{kept}
}

// Of keeps the answers of one version.
func (r Report) Of(version string) Report {
	var kept []Answer
	for _, a := range r.Answers {
		if a.Version == version {
			kept = append(kept, a)
		}
	}
	return Report{kept}
}

// Failed keeps the requests that failed.
func (r Report) Failed() Report {
	var kept []Answer
	for _, a := range r.Answers {
		if a.Failed() {
			kept = append(kept, a)
		}
	}
	return Report{kept}
}

// Total is the number of requests.
func (r Report) Total() int { return len(r.Answers) }

// Share is the part of all requests that a version answered, 0 to 1.
func (r Report) Share(version string) float64 {
	if len(r.Answers) == 0 {
		return 0
	}
	return float64(r.Of(version).Total()) / float64(r.Total())
}

// FirstSeen and LastSeen are when a version first and last answered; zero when it never did.
func (r Report) FirstSeen(version string) time.Time {
	var first time.Time
	for _, a := range r.Of(version).Answers {
		if first.IsZero() || a.Done.Before(first) {
			first = a.Done
		}
	}
	return first
}

// LastSeen is when a version last answered; zero when it never did.
func (r Report) LastSeen(version string) time.Time {
	var last time.Time
	for _, a := range r.Of(version).Answers {
		if a.Done.After(last) {
			last = a.Done
		}
	}
	return last
}

// Versions that answered, sorted.
func (r Report) Versions() []string {
	seen := map[string]bool{}
	for _, a := range r.Answers {
		if a.Version != "" {
			seen[a.Version] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// statuses tells how often which status came, apart from 200; empty when there was no other.
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

// String is one line: requests by version and those that failed, with a sample of why.
func (r Report) String() string {
	var parts []string
	for _, version := range r.Versions() {
		parts = append(parts, fmt.Sprintf("%s %d (%.0f%%)%s", version, r.Of(version).Total(), 100*r.Share(version), r.Of(version).statuses()))
	}
	failed := r.Failed()
	parts = append(parts, fmt.Sprintf("failed %d", failed.Total()))
	line := strings.Join(parts, "  ")
	for _, a := range failed.Answers {
		return fmt.Sprintf("%s  first failure at %s: status %d %s %s", line, a.Sent.Format(time.TimeOnly), a.Status, a.Version, a.Err)
	}
	return line
}
