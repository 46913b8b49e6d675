package config_test

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func TestAlertsAdvice(t *testing.T) {
	alerts := []v1alpha1.Alert{{Name: "on-call"}, {Name: "team"}}
	for name, c := range map[string]struct {
		spec v1alpha1.PolicySpec
		want string
	}{
		"no analysis": {v1alpha1.PolicySpec{}, ""},
		"no alerts":   {v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{}}, ""},
		"alerts": {v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Alerts: alerts}},
			"spec.analysis.alerts: this release sends no alerts (on-call, team): have a webhook of type event in spec.analysis.webhooks told instead"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := config.AlertsAdvice(c.spec); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
