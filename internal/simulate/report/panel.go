package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// series is one line of a plot: a value at each of the seconds.
type series struct {
	name   string
	colour string
	at     []traffic.Seconds
	values []float64
}

func (s *series) add(at traffic.Seconds, value float64) {
	s.at, s.values = append(s.at, at), append(s.values, value)
}

// panel is a plot over time.
type panel struct {
	title string
	lines []series
	// logarithmic is whether the scale is, with 1 at the bottom.
	logarithmic bool
	// limit is drawn across; 0 for none.
	limit float64
	// until is the last second, if the lines end before.
	until traffic.Seconds
	// mark is a second that is drawn from top to bottom; 0 for none.
	mark traffic.Seconds
}

// smooth is over how many seconds counts are averaged.
const smooth = 10

// traffics shows what both versions get under the first rule.
func traffics(all []simulate.Timeline) panel {
	canary, primary := series{name: "canary", colour: colour(1)}, series{name: "primary", colour: colour(0)}
	moments, next := all[0].Moments, 0
	var before simulate.Moment
	for _, m := range moments {
		for moments[next].View.At <= m.View.At-smooth {
			before, next = moments[next], next+1
		}
		over := float64(max(1, m.View.At-before.View.At))
		canary.add(m.View.At, float64(m.View.Canary.Requests-before.View.Canary.Requests)/over)
		primary.add(m.View.At, float64(m.View.Primary.Requests-before.View.Primary.Requests)/over)
	}
	return panel{title: "Requests a second: " + all[0].Rule, lines: []series{primary, canary}}
}

func of(all []simulate.Timeline, value func(simulate.Moment) float64) []series {
	lines := make([]series, len(all))
	for i, each := range all {
		lines[i] = series{name: each.Rule, colour: colour(i)}
		for _, m := range each.Moments {
			lines[i].add(m.View.At, value(m))
		}
	}
	return lines
}

func weights(all []simulate.Timeline) panel {
	return panel{title: "Weight of the canary in percent", lines: of(all, func(m simulate.Moment) float64 { return 100 * m.Share })}
}

func failed(all []simulate.Timeline) panel {
	return panel{title: "Requests that failed at the canary", lines: of(all, func(m simulate.Moment) float64 { return float64(m.View.Canary.Errors) })}
}

// evidence shows the rules that have evidence.
func evidence(all []simulate.Timeline) panel {
	p := panel{title: "Evidence against the canary (logarithmic; the dashed line rolls back)", logarithmic: true}
	for i, each := range all {
		if each.Threshold == 0 {
			continue
		}
		p.limit = each.Threshold
		line := of(all[i:i+1], func(m simulate.Moment) float64 { return m.Decision.Evidence })[0]
		line.colour = colour(i)
		p.lines = append(p.lines, line)
	}
	return p
}

// scaled returns a value as the scale shows it.
func (p panel) scaled(value float64) float64 {
	if p.logarithmic {
		return math.Log10(max(1, value))
	}
	return value
}

func (p panel) draw(out *bytes.Buffer, y int) {
	longest, greatest := max(1, p.until), p.scaled(p.limit)
	for _, each := range p.lines {
		for i, value := range each.values {
			longest, greatest = max(longest, each.at[i]), max(greatest, p.scaled(value))
		}
	}
	if greatest == 0 {
		greatest = 1
	}
	from, to := float64(y+20), float64(y+20+plotHigh)
	at := func(value float64) float64 { return to - p.scaled(value)/greatest*plotHigh }
	text(out, left, float64(y+12), "start", "#000000", p.title)
	line(out, left, to, left+plotWide, to, "#999999", "")
	line(out, left, from, left, to, "#999999", "")
	label := number(math.Round(greatest*100) / 100)
	if p.logarithmic {
		label = fmt.Sprintf("%.0f", math.Pow(10, greatest))
	}
	text(out, left-6, from+4, "end", "#333333", label)
	text(out, left-6, to, "end", "#333333", map[bool]string{true: "1", false: "0"}[p.logarithmic])
	text(out, left+plotWide, to+14, "end", "#333333", fmt.Sprintf("%d s", longest))
	if p.limit > 0 {
		line(out, left, at(p.limit), left+plotWide, at(p.limit), "#666666", ` stroke-dasharray="4 3"`)
	}
	if p.mark > 0 {
		x := left + plotWide*float64(p.mark-1)/float64(longest)
		line(out, x, from, x, to, "#666666", ` stroke-dasharray="4 3"`)
	}
	for i, each := range p.lines {
		var points strings.Builder
		for n, value := range each.values {
			fmt.Fprintf(&points, "%.1f,%.1f ", left+plotWide*float64(each.at[n]-1)/float64(longest), at(value))
		}
		fmt.Fprintf(out, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", each.colour, strings.TrimSpace(points.String()))
		text(out, left+plotWide+10, from+float64(14*i)+8, "start", each.colour, each.name)
	}
}

// escaped keeps text from being markup.
func escaped(words string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(words)
}
