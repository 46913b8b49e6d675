package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Advice flags a value that is valid but probably not what its author meant.
type Advice struct {
	// Field is the full path of the value, such as spec.analysis.alerts.
	Field string
	// Message says what the value does, and what to write instead.
	Message string
}

// String is the advice on one line.
func (a Advice) String() string { return a.Field + ": " + a.Message }

// AdviceOf returns the advice on a policy, in the order of its fields. Advice does not make a policy invalid.
func AdviceOf(spec v1alpha1.PolicySpec) []Advice {
	var all []Advice
	path := specPath.Child("analysis")
	if spec.Analysis != nil {
		if len(spec.Analysis.Alerts) > 0 {
			all = append(all, alertsAdvice(path.Child("alerts"), spec.Analysis.Alerts))
		}
		all = append(all, matchesAdvice(path.Child("match"), spec.Analysis.Match)...)
		all = append(all, unseenTests(path.Child("webhooks"), *spec.Analysis)...)
		for i, hook := range spec.Analysis.Webhooks {
			if message := HookAdvice(hook); message != "" {
				all = append(all, Advice{path.Child("webhooks").Index(i).Child("url").String(), message})
			}
		}
	}
	if spec.Service != nil {
		all = append(all, matchesAdvice(specPath.Child("service", "match"), spec.Service.Match)...)
	}
	return append(all, idleAdvice(spec)...)
}

// AdmittedAdvice returns the advice on a policy whose Deployments are not known.
func AdmittedAdvice(spec v1alpha1.PolicySpec) []Advice {
	return append(AdviceOf(spec), createdAdvice(spec, nil)...)
}

// unseenTests says that the built-in checks do not see the requests of hooks that test a canary without requests of users: those go
// straight to its Service, and a gateway counts what comes through it. Presets such as app measure the pods.
func unseenTests(path *field.Path, a v1alpha1.AnalysisSpec) []Advice {
	ofPods := a.Preset != nil && config.Preset(*a.Preset).OfPods()
	builtIn := len(a.Metrics) == 0 || slices.ContainsFunc(a.Metrics, config.IsBuiltIn)
	if ptr.Deref(a.Iterations, 0) == 0 || len(a.Match) > 0 || ptr.Deref(a.Mirror, false) || ofPods || !builtIn {
		return nil
	}
	for i, hook := range a.Webhooks {
		if hook.Type == "" || hook.Type == v1alpha1.HookRollout {
			return []Advice{{path.Index(i).String(), "if it sends test requests to the canary's Service, the gateway does not count them, so neither the guard nor the built-in checks judge them " +
				"during the iterations: set analysis.preset: app, which measures the pods, add checks with queries, or let the hook refuse when its test fails"}}
		}
	}
	return nil
}

// alertsAdvice says that alerts are not sent, and what to use instead.
func alertsAdvice(path *field.Path, alerts []v1alpha1.Alert) Advice {
	names := make([]string, 0, len(alerts))
	for _, alert := range alerts {
		names = append(names, alert.Name)
	}
	return Advice{path.String(), fmt.Sprintf("this release sends no alerts (%s): use a webhook of type event in spec.analysis.webhooks instead", strings.Join(names, ", "))}
}

// matchesAdvice flags regular expressions that are not RE2. The Gateway API leaves the dialect to the gateway, so they are not errors.
func matchesAdvice(path *field.Path, matches []v1alpha1.HTTPMatch) []Advice {
	var all []Advice
	look := func(at *field.Path, match v1alpha1.StringMatch) {
		if _, err := regexp.Compile(match.Regex); err != nil {
			all = append(all, Advice{at.Child("regex").String(), fmt.Sprintf("%q cannot be read as RE2, the dialect of most gateways (%s), which may refuse the route or match nothing by it: "+
				"correct it, unless your gateway has another dialect", match.Regex, strings.TrimPrefix(err.Error(), "error parsing regexp: "))})
		}
	}
	for i, match := range matches {
		at := path.Index(i)
		if match.URI != nil {
			look(at.Child("uri"), *match.URI)
		}
		for _, values := range []struct {
			field string
			of    map[string]v1alpha1.StringMatch
		}{{"headers", match.Headers}, {"cookies", match.Cookies}, {"queryParams", match.QueryParams}} {
			for _, name := range slices.Sorted(maps.Keys(values.of)) {
				look(at.Child(values.field).Key(name), values.of[name])
			}
		}
	}
	return all
}
