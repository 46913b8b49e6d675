package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate/replay"
)

// Replay is a past rollout, and what the guard would have done in it.
type Replay struct {
	// Name is that of the rollout, such as shop/podinfo.
	Name string
	replay.Result
}

// done says what an action does, in the past and for a step in the present.
var done = map[guard.Action][2]string{
	guard.Advance:  {"promoted the canary", "goes on"},
	guard.Pause:    {"paused the rollout", "pauses"},
	guard.RollBack: {"rolled the canary back", "rolls back"},
	guard.Return:   {"gone back one step", "goes back one step"},
}

// Markdown writes what the guard would have done, and a table of the steps.
func (r Replay) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "Rollout of %s, from %s for %s; scrapes every %s, %d minutes of the primary before it.\n\n",
		r.Name, r.Start.UTC().Format(time.RFC3339), r.Length.Round(time.Second), r.Scrape, r.Minutes)
	if v := r.Verdict; v != nil {
		fmt.Fprintf(&out, "**The guard would have %s after %s, at weight %s%%**: %s.\n\n", done[v.Action][0], v.At.Round(time.Second), number(v.Weight), v.Message)
		fmt.Fprintf(&out, "Until then %s. In the whole record %s.\n\n", failures(v.Canary), failures(r.Canary))
	} else {
		fmt.Fprintf(&out, "**The guard would still wait at the end of the record**: %s.\n\nIn the whole record %s.\n\n", r.Last.Message, failures(r.Canary))
	}
	out.WriteString("| step | weight | began | lasted | canary requests | failed | primary requests | failed | the guard |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, step := range r.Steps {
		fmt.Fprintf(&out, "| %d | %s%% | %s | %s | %.0f | %.0f | %.0f | %.0f | %s |\n", i+1, number(step.Weight), step.Began.Round(time.Second), step.Lasted.Round(time.Second),
			step.Canary.Total, step.Canary.Bad, step.Primary.Total, step.Primary.Bad, r.ended(step))
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(&out, "\n- %s\n", problem)
	}
	return out.Bytes()
}

// failures says how many of the canary's requests failed.
func failures(p guard.Pair) string {
	return fmt.Sprintf("%.0f of its %.0f requests failed", p.Bad, p.Total)
}

// ended says how the guard would have ended a step.
func (r Replay) ended(step replay.Step) string {
	switch v := step.Verdict; {
	case v != nil:
		return fmt.Sprintf("%s after %s: %s", done[v.Action][1], v.InStep.Round(time.Second), v.Reason)
	case r.Verdict != nil && r.Verdict.At < step.Began:
		return ""
	}
	return "holds"
}

type pairJSON struct {
	Requests float64 `json:"requests"`
	Failed   float64 `json:"failed"`
}

func pairOf(p guard.Pair) pairJSON { return pairJSON{p.Total, p.Bad} }

type verdictJSON struct {
	Action        guard.Action `json:"action"`
	Reason        guard.Reason `json:"reason"`
	Seconds       float64      `json:"seconds"`
	SecondsInStep float64      `json:"secondsInStep"`
	Weight        float64      `json:"weight"`
	Evidence      float64      `json:"evidence"`
	Threshold     float64      `json:"threshold"`
	Canary        pairJSON     `json:"canary"`
	Message       string       `json:"message"`
}

type stepJSON struct {
	Weight  float64      `json:"weight"`
	Began   float64      `json:"began"`
	Seconds float64      `json:"seconds"`
	Canary  pairJSON     `json:"canary"`
	Primary pairJSON     `json:"primary"`
	Verdict *verdictJSON `json:"verdict,omitempty"`
}

// JSON writes what the guard would have done, and the steps.
func (r Replay) JSON(w io.Writer) error {
	steps := make([]stepJSON, 0, len(r.Steps))
	for _, s := range r.Steps {
		steps = append(steps, stepJSON{s.Weight, s.Began.Seconds(), s.Lasted.Seconds(), pairOf(s.Canary), pairOf(s.Primary), verdictOf(s.Verdict)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Name     string       `json:"name"`
		Start    time.Time    `json:"start"`
		Seconds  float64      `json:"seconds"`
		Scrape   float64      `json:"scrapeSeconds"`
		Minutes  int          `json:"minutesBefore"`
		Verdict  *verdictJSON `json:"verdict,omitempty"`
		Last     string       `json:"last"`
		Canary   pairJSON     `json:"canary"`
		Steps    []stepJSON   `json:"steps"`
		Problems []string     `json:"problems,omitempty"`
	}{r.Name, r.Start.UTC(), r.Length.Seconds(), r.Scrape.Seconds(), r.Minutes, verdictOf(r.Verdict), r.Last.Message, pairOf(r.Canary), steps, r.Problems})
}

func verdictOf(v *replay.Verdict) *verdictJSON {
	if v == nil {
		return nil
	}
	return &verdictJSON{v.Action, v.Reason, v.At.Seconds(), v.InStep.Seconds(), v.Weight, rounded(v.Evidence), rounded(v.Threshold), pairOf(v.Canary), v.Message}
}

// CSV writes a row for each poll. What the guard says is empty after its verdict.
func (r Replay) CSV() []byte {
	var out bytes.Buffer
	write := csv.NewWriter(&out)
	metrics := r.metrics()
	titles := []string{"seconds", "step", "weight", "canary_requests", "canary_failed", "primary_requests", "primary_failed", "action", "reason", "threshold", "evidence"}
	for _, metric := range metrics {
		titles = append(titles, string(metric))
	}
	// Writing into memory does not fail.
	_ = write.Write(titles)
	for _, p := range r.Polls {
		values := []string{number(p.At.Seconds()), strconv.Itoa(p.Step), number(p.Weight), number(p.Canary.Total), number(p.Canary.Bad), number(p.Primary.Total), number(p.Primary.Bad),
			string(p.Action), string(p.Reason), number(p.Threshold), number(p.Evidence)}
		for _, metric := range metrics {
			values = append(values, number(p.Tests[metric]))
		}
		_ = write.Write(values)
	}
	write.Flush()
	return out.Bytes()
}

// metrics are those that tests are about.
func (r Replay) metrics() []guard.Metric {
	all := map[guard.Metric]bool{}
	for _, p := range r.Polls {
		for metric := range p.Tests {
			all[metric] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
