package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/guarded"
	"sluice.dev/sluice/internal/simulate/report"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

var update = flag.Bool("update", false, "write the golden outputs anew")

// plan has a healthy and a bad canary under all rules, few rollouts of each.
func plan() simulate.Plan {
	settings, shares := guard.DefaultSettings(), rule.Steps(10, 50)
	return simulate.Plan{
		Scenarios: []traffic.Scenario{
			{Rate: 10, Base: .001, Canary: .001, Outage: traffic.Outage{From: 60, For: 30, Every: 600, Errors: .05}, Scrape: traffic.Scrape{Every: 5, Skew: 2, Missing: .01}},
			{Rate: 10, Base: .001, Canary: .1, Latency: 1.5, Latencies: true, Onset: 30, Burst: traffic.Burst{Size: 5}, Warm: 30, WarmLatency: 3},
		},
		Rules: []rule.Rule{
			guarded.Rule{Label: "guard", Settings: settings},
			rule.Flagger{Interval: 60, Threshold: 5, Shares: shares, Least: 99},
			rule.Argo{Interval: 60, FailureLimit: 1, Shares: shares, Least: 99},
			rule.Kayenta{Interval: 60, Points: 10, Share: .1},
			rule.SlidingDefaults(),
		},
		Margins: simulate.Margins{Rho: settings.Rho, Delta: settings.Delta, SLO: settings.SLO}, Seed: 1, Rollouts: 20,
	}
}

// TestOutputIsTheSameByteForByte compares every format with its golden file.
func TestOutputIsTheSameByteForByte(t *testing.T) {
	plan := plan()
	played := report.Report{Seed: plan.Seed, Rollouts: plan.Rollouts, Cells: simulate.Run(plan)}
	var json bytes.Buffer
	if err := report.JSON(&json, played); err != nil {
		t.Fatal(err)
	}
	telling := plan.Telling()
	for name, got := range map[string][]byte{
		"grid.md": report.Markdown(played), "grid.csv": report.CSV(played), "grid.json": json.Bytes(),
		"grid.svg": report.SVG(played, telling, simulate.Timelines(plan, telling)),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s has changed (-want +got); if that is meant, run go test ./internal/simulate/report -update\n%.3000s", name, diff)
		}
	}
}

// TestPlotsAreXML reads a plot as a browser does.
func TestPlotsAreXML(t *testing.T) {
	plan := plan()
	plan.Rules, plan.Rollouts = []rule.Rule{guarded.Rule{Label: `<a> & "b"`, Settings: guard.DefaultSettings()}}, 1
	svg := report.SVG(report.Report{Cells: simulate.Run(plan)}, plan.Scenarios[0], simulate.Timelines(plan, plan.Scenarios[0]))
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
