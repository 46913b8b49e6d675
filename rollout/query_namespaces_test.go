package rollout

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

func TestWhoMayAskTheSharedPrometheus(t *testing.T) {
	inline := v1alpha1.Metric{Name: "secrets", Query: `sum(kube_secret_info{namespace="pay"})`, Threshold: new(float64)}
	byTemplate := func(namespace string) v1alpha1.Metric {
		return v1alpha1.Metric{Name: "errors", TemplateRef: &v1alpha1.ObjectRef{Name: "errors", Namespace: namespace}, Threshold: new(float64)}
	}
	template := func(namespace string, server *analysis.Server) map[types.NamespacedName]observed.Template {
		return map[types.NamespacedName]observed.Template{{Namespace: namespace, Name: "errors"}: {Query: "up", Server: server}}
	}
	for name, c := range map[string]struct {
		metric    v1alpha1.Metric
		templates map[types.NamespacedName]observed.Template
		allowed   []string
		problem   string
	}{
		"a policy, without a limit":        {inline, nil, nil, ""},
		"a policy of an allowed namespace": {inline, nil, []string{"metrics", "test"}, ""},
		"a policy of another": {inline, nil, []string{"metrics", "platform"}, `check "secrets" asks the controller's Prometheus a query that was written in namespace test, ` +
			"and the chart value queryNamespaces allows that only in metrics, platform"},
		"a template of another":                  {byTemplate(""), template("test", nil), []string{"metrics"}, `check "errors", MetricTemplate test/errors asks the controller's Prometheus`},
		"a template of an allowed namespace":     {byTemplate("metrics"), template("metrics", nil), []string{"metrics"}, ""},
		"a template with a server of its own":    {byTemplate(""), template("test", &analysis.Server{Address: "http://mine"}), []string{"metrics"}, ""},
		"built-in checks":                        {v1alpha1.Metric{Name: v1alpha1.MetricSuccessRate, Threshold: new(float64)}, nil, []string{"metrics"}, ""},
		"a template of others, without a limit":  {byTemplate("metrics"), template("metrics", nil), nil, ""},
		"an allowed namespace, another template": {byTemplate("other"), template("other", nil), []string{"test"}, "MetricTemplate other/errors asks"},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), byChecks()
			o.QueryNamespaces, o.Templates, p.Checks = c.allowed, c.templates, []v1alpha1.Metric{c.metric}
			_, problem := target.Discover(p, o)
			if (problem == "") != (c.problem == "") || !strings.Contains(problem, c.problem) {
				t.Errorf("problem %q", problem)
			}
			asked := factsFor(p, atFirstStep(), o).Needs().Queries
			for _, query := range asked {
				if c.problem != "" && strings.Contains(query.Expression, "kube_secret_info") {
					t.Errorf("it is asked: %+v", query)
				}
			}
		})
	}
}
