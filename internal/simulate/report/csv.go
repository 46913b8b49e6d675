package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"sluice.dev/sluice/internal/simulate"
)

// figure is a column of plain numbers.
type figure struct {
	title string
	value func(simulate.Cell) float64
}

var figuresOfCSV = slices.Concat(
	[]figure{
		{"rps", func(c simulate.Cell) float64 { return c.Scenario.Rate }},
		{"primary_errors", func(c simulate.Cell) float64 { return c.Scenario.Base }},
		{"canary_errors", func(c simulate.Cell) float64 { return c.Scenario.Canary }},
	},
	share("rolled_back", func(c simulate.Cell) simulate.Share { return c.RolledBack }),
	share("promoted", func(c simulate.Cell) simulate.Share { return c.Promoted }),
	share("paused", func(c simulate.Cell) simulate.Share { return c.Paused }),
	share("open", func(c simulate.Cell) simulate.Share { return c.Open }),
	share("wrong", func(c simulate.Cell) simulate.Share { return c.Wrong }),
	spread("rollback_seconds", func(c simulate.Cell) simulate.Spread { return c.Seconds }),
	spread("bad", func(c simulate.Cell) simulate.Spread { return c.Bad }),
	spread("promotion_seconds", func(c simulate.Cell) simulate.Spread { return c.PromotionSeconds }),
	spread("harm", func(c simulate.Cell) simulate.Spread { return c.Harm }),
)

func share(name string, of func(simulate.Cell) simulate.Share) []figure {
	return []figure{
		{name, func(c simulate.Cell) float64 { return of(c).Value }},
		{name + "_low", func(c simulate.Cell) float64 { return of(c).Low }},
		{name + "_high", func(c simulate.Cell) float64 { return of(c).High }},
	}
}

func spread(name string, of func(simulate.Cell) simulate.Spread) []figure {
	return []figure{
		{name + "_mean", func(c simulate.Cell) float64 { return of(c).Mean }},
		{name + "_error", func(c simulate.Cell) float64 { return of(c).Error }},
		{name + "_p95", func(c simulate.Cell) float64 { return of(c).P95 }},
	}
}

// CSV writes a row for each scenario and rule. Errors and parts are from 0 to 1.
func CSV(r Report) []byte {
	var out bytes.Buffer
	write := csv.NewWriter(&out)
	titles := []string{"rule", "healthy", "latency", "onset", "outage", "burst", "scrape"}
	for _, each := range figuresOfCSV {
		titles = append(titles, each.title)
	}
	// Writing into memory does not fail.
	_ = write.Write(titles)
	for _, cell := range r.Cells {
		s := cell.Scenario
		values := []string{cell.Rule, strconv.FormatBool(cell.Healthy), latency(s), span(s.Onset), outage(s.Outage), burst(s.Burst), scrape(s.Scrape)}
		for _, each := range figuresOfCSV {
			values = append(values, number(each.value(cell)))
		}
		_ = write.Write(values)
	}
	write.Flush()
	return out.Bytes()
}
