package config

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// AlertsAdvice says that the alerts of a policy are not sent, and what to use in their place; empty for a policy without any.
func AlertsAdvice(spec v1alpha1.PolicySpec) string {
	if spec.Analysis == nil || len(spec.Analysis.Alerts) == 0 {
		return ""
	}
	names := make([]string, 0, len(spec.Analysis.Alerts))
	for _, alert := range spec.Analysis.Alerts {
		names = append(names, alert.Name)
	}
	return fmt.Sprintf("%s: this release sends no alerts (%s): have a webhook of type event in spec.analysis.webhooks told instead",
		specPath.Child("analysis", "alerts"), strings.Join(names, ", "))
}
