package report

import (
	"bytes"
	"fmt"

	"sluice.dev/sluice/internal/simulate"
)

// Report is what was played.
type Report struct {
	Seed     uint64
	Rollouts int
	Cells    []simulate.Cell
}

// column is one column of a table.
type column struct {
	title string
	value func(simulate.Cell) string
	// axis says that the column describes the scenario. Such a column is left out of Markdown if no cell needs it.
	axis bool
}

var columns = []column{
	{"rps", func(c simulate.Cell) string { return number(c.Scenario.Rate) }, true},
	{"primary", func(c simulate.Cell) string { return percent(c.Scenario.Base) }, true},
	{"canary", func(c simulate.Cell) string { return percent(c.Scenario.Canary) }, true},
	{"latency", func(c simulate.Cell) string { return latency(c.Scenario) }, true},
	{"onset", func(c simulate.Cell) string { return span(c.Scenario.Onset) }, true},
	{"outage", func(c simulate.Cell) string { return outage(c.Scenario.Outage) }, true},
	{"burst", func(c simulate.Cell) string { return burst(c.Scenario.Burst) }, true},
	{"scrape", func(c simulate.Cell) string { return scrape(c.Scenario.Scrape) }, true},
	{"rule", func(c simulate.Cell) string { return c.Rule }, false},
	{"rolled back", func(c simulate.Cell) string { return part(c.RolledBack) }, false},
	{"promoted", func(c simulate.Cell) string { return part(c.Promoted) }, false},
	{"paused", func(c simulate.Cell) string { return part(c.Paused) }, false},
	{"wrong (95 %)", wrong, false},
	{"rollback after, mean", func(c simulate.Cell) string { return seconds(c.RolledBack, c.Seconds.Mean) }, false},
	{"bad, mean", func(c simulate.Cell) string { return counted(c.RolledBack, c.Bad.Mean) }, false},
	{"bad, 95th", func(c simulate.Cell) string { return counted(c.RolledBack, c.Bad.P95) }, false},
	{"harm, mean", func(c simulate.Cell) string { return figures(c.Harm.Mean) }, false},
	{"promoted after, mean", func(c simulate.Cell) string { return seconds(c.Promoted, c.PromotionSeconds.Mean) }, false},
}

// Markdown writes a table with a row for each scenario and rule, without the axes that no scenario sets.
func Markdown(r Report) []byte {
	var shown []column
	for _, each := range columns {
		if !each.axis || used(r.Cells, each) {
			shown = append(shown, each)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d rollouts of each row, seed %d. Bad requests and times are those of rollbacks; harm is that of all rollouts, with ten minutes after those that the candidate survives.\n\n", r.Rollouts, r.Seed)
	row := func(value func(column) string) {
		for _, each := range shown {
			fmt.Fprintf(&out, "| %s ", value(each))
		}
		out.WriteString("|\n")
	}
	row(func(c column) string { return c.title })
	row(func(column) string { return "---" })
	for _, cell := range r.Cells {
		row(func(c column) string { return c.value(cell) })
	}
	return out.Bytes()
}

func used(cells []simulate.Cell, c column) bool {
	for _, cell := range cells {
		if c.value(cell) != "" {
			return true
		}
	}
	return false
}
