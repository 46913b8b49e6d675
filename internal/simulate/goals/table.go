package goals

import (
	"fmt"
	"io"
	"slices"

	"sluice.dev/sluice/internal/simulate"
)

// Write writes the tables of a measurement in Markdown.
func (m Measured) Write(out io.Writer) error {
	var p printer
	p.printf("## Scrapes of %d s\n\nPart that is rolled back, after how long, **bad requests until then**; promoted otherwise, unless said.\n\n", m.Scrape)
	p.printf("| rps | canary | sliding windows | Flagger 5x60 s | guard, Flagger's steps | guard, default policy |\n|---|---|---|---|---|---|\n")
	for _, r := range m.Headline {
		s := r.Flagger.Scenario
		p.printf("| %g | %.4g %% | %s | %s | %s | %s |\n", s.Rate, 100*s.Canary, entry(r.Sliding), entry(r.Flagger), entry(r.Same), entry(r.Default))
	}
	for _, part := range []struct {
		title string
		cells []simulate.Cell
	}{{"healthy versions", m.Healthy}, {"outages, skew, missing scrapes, restarts", m.Disturbed}, {"bursts", m.Bursty}} {
		if len(part.cells) == 0 {
			continue
		}
		p.printf("\nFalse rollbacks, %s: those above 0.05 %%, the most first.\n\n", part.title)
		cells := slices.Clone(part.cells)
		slices.SortStableFunc(cells, func(a, b simulate.Cell) int { return b.RolledBack.Count - a.RolledBack.Count })
		for _, cell := range cells {
			if cell.RolledBack.Value > .0005 {
				p.printf("- %.2f %% (%.2f to %.2f %%): %s\n", 100*cell.RolledBack.Value, 100*cell.RolledBack.Low, 100*cell.RolledBack.High, place(cell))
			}
		}
	}
	_, err := io.WriteString(out, p.text)
	return err
}

// entry is a cell of the headline.
func entry(c simulate.Cell) string {
	text := fmt.Sprintf("%.3f", c.RolledBack.Value)
	if c.RolledBack.Count > 0 {
		text += fmt.Sprintf(" %.0f s **%s**", c.Seconds.Mean, counted(c.Bad.Mean))
	}
	if c.Promoted.Count > 0 {
		text += fmt.Sprintf(" (promoted %.0f s)", c.PromotionSeconds.Mean)
	}
	if c.Paused.Count > 0 {
		text += fmt.Sprintf(" (paused %.3f)", c.Paused.Value)
	}
	return text
}

// counted shows a number of requests.
func counted(requests float64) string {
	if requests >= 100 {
		return fmt.Sprintf("%.0f", requests)
	}
	return fmt.Sprintf("%.1f", requests)
}

// WriteSliding writes the table of the rule of sliding windows.
func WriteSliding(out io.Writer, cells []simulate.Cell) error {
	var p printer
	p.printf("## Sliding windows, the rule before the guard\n\nHealthy versions that are rolled back.\n\n| errors of both | rps | rolled back |\n|---|---|---|\n")
	for _, c := range cells {
		p.printf("| %.4g %% | %g | %.1f %% |\n", 100*c.Scenario.Base, c.Scenario.Rate, 100*c.RolledBack.Value)
	}
	_, err := io.WriteString(out, p.text)
	return err
}

// printer collects text.
type printer struct{ text string }

func (p *printer) printf(format string, args ...any) { p.text += fmt.Sprintf(format, args...) }
