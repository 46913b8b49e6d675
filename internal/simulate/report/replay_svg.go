package report

import (
	"bytes"
	"fmt"
	"time"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/replay"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// mostPoints is how many polls a plot shows. It is three times as wide as a plot in points.
const mostPoints = 2000

// SVG draws the requests and the weights of the rollout and the guard's evidence. A dashed line shows the guard's verdict, after which it
// has none.
func (r Replay) SVG() []byte {
	recorded := []simulate.Timeline{r.timeline()}
	panels := []panel{traffics(recorded), weights(recorded), r.evidence(), failed(recorded)}
	if r.Verdict != nil {
		for i := range panels {
			panels[i].mark = secondsOf(r.Verdict.At)
		}
	}
	var out bytes.Buffer
	plots(&out, panels, bottom, fmt.Sprintf("Rollout of %s from %s, as the guard sees it", r.Name, r.Start.UTC().Format(time.RFC3339)))
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// timeline is the rollout with few enough moments for a plot.
func (r Replay) timeline() simulate.Timeline {
	line := simulate.Timeline{Rule: "recorded"}
	var view traffic.View
	for i, p := range r.Polls {
		view.At = secondsOf(p.At)
		view.Canary.Requests += int64(p.Canary.Total)
		view.Canary.Errors += int64(p.Canary.Bad)
		view.Primary.Requests += int64(p.Primary.Total)
		if r.drawn(i) {
			line.Moments = append(line.Moments, simulate.Moment{Share: p.Weight / 100, View: view, Decision: rule.Decision{Evidence: p.Evidence}})
		}
	}
	return line
}

// drawn reports whether a poll is in the plots.
func (r Replay) drawn(i int) bool {
	return i == len(r.Polls)-1 || i%(1+len(r.Polls)/mostPoints) == 0
}

// evidence shows the guard's evidence, and what it is made of.
func (r Replay) evidence() panel {
	p := panel{title: "Evidence against the canary (logarithmic; it rolls back at the level dashed line; the upright one is the verdict)", logarithmic: true}
	add := func(name string, of func(replay.Poll) float64) {
		line := series{name: name, colour: colour(len(p.lines))}
		for i, poll := range r.Polls {
			if r.drawn(i) && poll.Threshold > 0 {
				line.add(secondsOf(poll.At), of(poll))
			}
		}
		p.lines = append(p.lines, line)
	}
	add("all tests", func(p replay.Poll) float64 { return p.Evidence })
	for _, metric := range r.metrics() {
		add(string(metric), func(p replay.Poll) float64 { return p.Tests[metric] })
	}
	if n := len(r.Polls); n > 0 {
		p.limit, p.until = r.Polls[0].Threshold, secondsOf(r.Polls[n-1].At)
	}
	return p
}

func secondsOf(d time.Duration) traffic.Seconds { return int64(d.Round(time.Second) / time.Second) }
