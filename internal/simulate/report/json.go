package report

import (
	"encoding/json"
	"io"
	"strconv"

	"sluice.dev/sluice/internal/simulate"
)

// cellJSON is a cell with the names that users know.
type cellJSON struct {
	Scenario scenarioJSON `json:"scenario"`
	Rule     string       `json:"rule"`
	Healthy  bool         `json:"healthy"`
	simulate.Summary
}

type scenarioJSON struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	PrimaryErrors     string  `json:"primaryErrors"`
	CanaryErrors      string  `json:"canaryErrors"`
	CanaryLatency     string  `json:"canaryLatency,omitempty"`
	Onset             string  `json:"onset,omitempty"`
	Outage            string  `json:"outage,omitempty"`
	Burst             string  `json:"burst,omitempty"`
	Scrape            string  `json:"scrape,omitempty"`
}

// JSON writes everything, with numbers rounded to six digits.
func JSON(w io.Writer, r Report) error {
	cells := make([]cellJSON, len(r.Cells))
	for i, cell := range r.Cells {
		s := cell.Scenario
		cells[i] = cellJSON{scenarioJSON{s.Rate, percent(s.Base), percent(s.Canary), latency(s), span(s.Onset), outage(s.Outage), burst(s.Burst), scrape(s.Scrape)},
			cell.Rule, cell.Healthy, roundedSummary(cell.Summary)}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Seed     uint64     `json:"seed"`
		Rollouts int        `json:"rollouts"`
		Cells    []cellJSON `json:"cells"`
	}{r.Seed, r.Rollouts, cells})
}

// roundedSummary rounds what divisions and roots made, whose last bits differ between machines.
func roundedSummary(s simulate.Summary) simulate.Summary {
	for _, share := range []*simulate.Share{&s.RolledBack, &s.Promoted, &s.Paused, &s.Open, &s.Wrong} {
		share.Value, share.Low, share.High = rounded(share.Value), rounded(share.Low), rounded(share.High)
	}
	for _, spread := range []*simulate.Spread{&s.Seconds, &s.Bad, &s.Failed, &s.PromotionSeconds, &s.Harm} {
		spread.Mean, spread.Error, spread.P95 = rounded(spread.Mean), rounded(spread.Error), rounded(spread.P95)
	}
	return s
}

func rounded(value float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 6, 64), 64)
	if err != nil {
		return value
	}
	return short
}
