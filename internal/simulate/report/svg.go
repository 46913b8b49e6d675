package report

import (
	"bytes"
	"fmt"
	"math"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/traffic"
)

const (
	width, panelHeight  = 900, 200
	left, right, top    = 70, 220, 40
	bottom              = 40
	plotWide, plotHigh  = width - left - right, panelHeight - 50
	rowHigh, labelsWide = 16, 220
)

// palette are colours that people with colour blindness tell apart.
var palette = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}

func colour(i int) string { return palette[i%len(palette)] }

// SVG draws one rollout of a scenario under each rule, and the bad requests of all scenarios by rule.
func SVG(r Report, scenario traffic.Scenario, timelines []simulate.Timeline) []byte {
	panels := []panel{traffics(timelines), weights(timelines), evidence(timelines), failed(timelines)}
	var out bytes.Buffer
	plots(&out, panels, bottom+barsHeight(r), fmt.Sprintf("One rollout at %s requests a second: primary %s errors, canary %s (seed %d)", number(scenario.Rate), percent(scenario.Base), percent(scenario.Canary), r.Seed))
	bars(&out, r, top+len(panels)*panelHeight+bottom/2)
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// plots begins a page with panels, and room for what follows them.
func plots(out *bytes.Buffer, panels []panel, room int, title string) {
	height := top + len(panels)*panelHeight + room
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height, width, height)
	fmt.Fprintf(out, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text(out, left, 20, "start", "#000000", title)
	for i, each := range panels {
		each.draw(out, top+i*panelHeight)
	}
}

func text(out *bytes.Buffer, x, y float64, anchor, fill, words string) {
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, fill, escaped(words))
}

func line(out *bytes.Buffer, x1, y1, x2, y2 float64, stroke, more string) {
	fmt.Fprintf(out, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`+"\n", x1, y1, x2, y2, stroke, more)
}

// barsHeight is the height of the bars: a row for each cell.
func barsHeight(r Report) int { return 30 + len(r.Cells)*rowHigh + rowHigh }

// bars draws the harm of each cell on a logarithmic scale from 0.1.
func bars(out *bytes.Buffer, r Report, y int) {
	greatest := 1.0
	for _, cell := range r.Cells {
		greatest = max(greatest, cell.Harm.Mean)
	}
	text(out, left, float64(y), "start", "#000000", "Bad requests by rule: mean of all rollouts, with ten minutes after those that the candidate survives (logarithmic)")
	scale := float64(width-labelsWide-left-80) / math.Log10(greatest/.1)
	colours := map[string]int{}
	for i, cell := range r.Cells {
		if _, known := colours[cell.Rule]; !known {
			colours[cell.Rule] = len(colours)
		}
		at := float64(y + 20 + i*rowHigh)
		s := cell.Scenario
		text(out, labelsWide+left-6, at+11, "end", "#333333", fmt.Sprintf("%s rps, %s → %s, %s", number(s.Rate), percent(s.Base), percent(s.Canary), cell.Rule))
		wide := max(1, scale*math.Log10(max(cell.Harm.Mean, .1)/.1))
		fmt.Fprintf(out, `<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>`+"\n", labelsWide+left, at, wide, rowHigh-3, colour(colours[cell.Rule]))
		text(out, labelsWide+left+wide+4, at+11, "start", "#333333", figures(cell.Harm.Mean))
	}
}
