package report

import (
	"fmt"
	"strconv"
	"strings"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/traffic"
)

func number(value float64) string { return strconv.FormatFloat(value, 'g', 6, 64) }

func percent(p float64) string { return number(100*p) + "%" }

func part(s simulate.Share) string { return fmt.Sprintf("%.3f", s.Value) }

// wrong says which outcome is wrong, and how often it is.
func wrong(c simulate.Cell) string {
	kind := "promoted"
	if c.Healthy {
		kind = "rolled back"
	}
	return fmt.Sprintf("%s %.4f (%.4f to %.4f)", kind, c.Wrong.Value, c.Wrong.Low, c.Wrong.High)
}

// figures shows a number of requests.
func figures(value float64) string {
	if value >= 99.95 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.1f", value)
}

func counted(of simulate.Share, value float64) string {
	if of.Count == 0 {
		return ""
	}
	return figures(value)
}

func seconds(of simulate.Share, value float64) string {
	if of.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%.0fs", value)
}

func span(s traffic.Seconds) string {
	if s == 0 {
		return ""
	}
	return fmt.Sprintf("%ds", s)
}

func latency(s traffic.Scenario) string {
	var parts []string
	if s.Latencies && s.Latency > 0 {
		parts = append(parts, "x"+number(s.Latency))
	}
	if s.Warm > 0 {
		parts = append(parts, fmt.Sprintf("x%s for %ds", number(s.WarmLatency), s.Warm))
	}
	return strings.Join(parts, ", ")
}

func outage(o traffic.Outage) string {
	if o.For == 0 {
		return ""
	}
	text := fmt.Sprintf("%s for %ds at %ds", percent(o.Errors), o.For, o.From)
	if o.Every > 0 {
		text += fmt.Sprintf(", every %ds", o.Every)
	}
	return text
}

func burst(b traffic.Burst) string {
	if b.Size <= 1 {
		return ""
	}
	return fmt.Sprintf("%s over %ds", number(b.Size), max(1, b.Over))
}

func scrape(s traffic.Scrape) string {
	var parts []string
	if s.Every > 0 {
		parts = append(parts, fmt.Sprintf("%ds", s.Every))
	}
	if s.Skew > 0 {
		parts = append(parts, fmt.Sprintf("skew %ds", s.Skew))
	}
	if s.Missing > 0 {
		parts = append(parts, percent(s.Missing)+" missing")
	}
	if s.CanaryReset > 0 {
		parts = append(parts, fmt.Sprintf("canary restarts at %ds", s.CanaryReset))
	}
	if s.PrimaryReset > 0 {
		parts = append(parts, fmt.Sprintf("primary restarts at %ds", s.PrimaryReset))
	}
	return strings.Join(parts, ", ")
}
