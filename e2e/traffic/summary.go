package traffic

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Second has the answers of one second of the clock.
type Second struct {
	// At is the start of the second.
	At time.Time
	// Report has the requests whose answers came, or were given up, in this second.
	Report
}

// Seconds groups the requests by the second in which they were done, in order and without gaps. It includes seconds without
// answers. A past second does not change any more, however slow the other answers are.
func (r Report) Seconds() []Second {
	if len(r.Answers) == 0 {
		return nil
	}
	bySecond := map[int64][]Answer{}
	for _, a := range r.Answers {
		bySecond[a.Done.Unix()] = append(bySecond[a.Done.Unix()], a)
	}
	ats := slices.Sorted(maps.Keys(bySecond))
	var seconds []Second
	for at := ats[0]; at <= ats[len(ats)-1]; at++ {
		seconds = append(seconds, Second{At: time.Unix(at, 0), Report: Report{bySecond[at]}})
	}
	return seconds
}

// Counts counts the answers by version and status. Version "" means that none was named. Status 0 means no answer.
func (r Report) Counts() map[string]map[int]int {
	counts := map[string]map[int]int{}
	for _, a := range r.Answers {
		if counts[a.Version] == nil {
			counts[a.Version] = map[int]int{}
		}
		counts[a.Version][a.Status]++
	}
	return counts
}

// Latency is the time within which a share of the requests, above 0 to 1, was done: 0.99 for the P99. It is 0 without requests.
func (r Report) Latency(share float64) time.Duration {
	if len(r.Answers) == 0 {
		return 0
	}
	var latencies []time.Duration
	for _, a := range r.Answers {
		latencies = append(latencies, a.Latency())
	}
	slices.Sort(latencies)
	rank := int(math.Ceil(share * float64(len(latencies))))
	return latencies[min(max(rank, 1), len(latencies))-1]
}

// failuresShown is how many failures a summary lists.
const failuresShown = 5

// Summarize writes a table with a line for each version and one for all, then the first failures.
func (r Report) Summarize(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "VERSION\tREQUESTS\tSHARE\tFAILED\tSTATUSES\tP50\tP99\tFIRST\tLAST")
	for _, version := range r.Versions() {
		r.row(w, version, r.Of(version))
	}
	if silent := r.Of(""); silent.Total() > 0 {
		r.row(w, "(none)", silent)
	}
	r.row(w, "all", r)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return r.listFailures(out)
}

func (r Report) row(w io.Writer, name string, part Report) {
	share := 0.0
	if r.Total() > 0 {
		share = 100 * float64(part.Total()) / float64(r.Total())
	}
	first, last := "-", "-"
	if part.Total() > 0 {
		byDone := func(a, b Answer) int { return a.Done.Compare(b.Done) }
		first = slices.MinFunc(part.Answers, byDone).Done.Format(time.TimeOnly)
		last = slices.MaxFunc(part.Answers, byDone).Done.Format(time.TimeOnly)
	}
	_, _ = fmt.Fprintf(w, "%s\t%d\t%.1f%%\t%d\t%s\t%s\t%s\t%s\t%s\n", name, part.Total(), share, part.Failed().Total(),
		part.everyStatus(), part.Latency(0.5).Round(100*time.Microsecond), part.Latency(0.99).Round(100*time.Microsecond), first, last)
}

// everyStatus returns text such as "200:45 500:5". "error" stands for no answer.
func (r Report) everyStatus() string {
	counts := map[int]int{}
	for _, a := range r.Answers {
		counts[a.Status]++
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		name := fmt.Sprint(status)
		if status == 0 {
			name = "error"
		}
		parts = append(parts, fmt.Sprintf("%s:%d", name, counts[status]))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, " ")
}

func (r Report) listFailures(out io.Writer) error {
	failed := r.Failed().Answers
	for i, a := range failed {
		if i == failuresShown {
			_, err := fmt.Fprintf(out, "... and %d more failures\n", len(failed)-i)
			return err
		}
		if _, err := fmt.Fprintln(out, a.failure()); err != nil {
			return fmt.Errorf("write the failures: %w", err)
		}
	}
	return nil
}

// failure says when and why a request failed.
func (a Answer) failure() string {
	parts := []string{"failed at", a.Sent.Format("15:04:05.000") + ":"}
	if a.Version != "" {
		parts = append(parts, a.Version)
	}
	if a.Status != 0 {
		parts = append(parts, fmt.Sprint("status ", a.Status))
	}
	if a.Err != "" {
		parts = append(parts, a.Err)
	}
	return strings.Join(parts, " ")
}
