package rule_test

import (
	"strings"
	"testing"

	"sluice.dev/sluice/internal/simulate/rule"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"flagger":                         "Flagger 5x60s",
		"flagger:interval=2m,threshold=1": "Flagger 1x120s",
		"argo:limit=3":                    "Argo limit 3, 60s",
		"kayenta:points=10,weight=50":     "Kayenta 10x60s",
		"sliding:":                        "sliding window 5x5s",
		"checks":                          "checks 5x30s",
		"checks:interval=1m,threshold=2":  "checks 2x60s",
		"spinnaker":                       `"spinnaker" is no rule: must be one of argo, checks, flagger, kayenta, sliding`,
		"flagger:limit=1":                 `flagger has no setting "limit": must be one of interval, threshold, success`,
		"flagger:interval=60":             "flagger: interval=60 must be a duration from 1s to 24h",
		"flagger:threshold=0":             "flagger: threshold=0 must be a whole number from 1 to 1000",
		"kayenta:points=4":                "kayenta: points=4 must be a whole number from 5 to 1000",
		"argo:success=NaN":                "argo: success=NaN must be a percentage above 0, up to 100",
	} {
		got, err := rule.Parse(text, rule.Given{Shares: []float64{.1}})
		if err == nil && got.Name() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	got, err := rule.Parse("flagger:threshold=2", rule.Given{Shares: []float64{.1}, Interval: 90, Threshold: 7})
	if err != nil || got.Name() != "Flagger 2x90s" {
		t.Errorf("with a policy: got %v, %v", got, err)
	}
}
