package analysis

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/presets"
)

// preset selects the series of one source of metrics that belong to a target.
type preset struct {
	presets.Preset
	// form is what the label of the version is.
	form form
}

// known are the presets by name. One that uses the series of another is that one with another name.
var known = func() map[config.Preset]preset {
	all := map[config.Preset]preset{}
	for _, p := range presets.All() {
		all[config.Preset(p.Name)] = preset{p, formOf(p.Version)}
	}
	for name, p := range all {
		if p.Uses != "" {
			used := all[config.Preset(p.Uses)]
			used.Name, used.Controllers = p.Name, p.Controllers
			all[name] = used
		}
	}
	return all
}()

// PresetFor returns the preset for the gateways of a controller.
func PresetFor(controllerName string) (name config.Preset, ok bool) {
	for name, p := range known {
		for _, controller := range p.Controllers {
			if controller == controllerName {
				return name, true
			}
		}
	}
	return "", false
}

// BlindToCalls reports whether a preset counts gRPC calls without their status and so cannot judge them.
func BlindToCalls(preset config.Preset) bool { return known[preset].BlindToCalls }

// selector returns the label selector of the target's series.
func (p preset) selector(t Target) string {
	version := fmt.Sprintf("%s=~%s", p.Version.Label, strconv.Quote(p.form.pattern(t)))
	if p.form.exact {
		version = fmt.Sprintf("%s=%s", p.Version.Label, strconv.Quote(t.Workload))
	}
	return strings.Join(append(p.labels(t), version), ",")
}

// labels are the matchers of the labels that both versions have.
func (p preset) labels(t Target) []string {
	all := make([]string, 0, len(p.Labels)+1)
	for _, label := range p.Labels {
		operator, value := "=", strings.ReplaceAll(label.Is, "{namespace}", t.Namespace)
		switch {
		case label.Matches != "":
			operator, value = "=~", label.Matches
		case label.Not != "":
			operator, value = "!=", label.Not
		}
		all = append(all, label.Name+operator+strconv.Quote(value))
	}
	return all
}

// expression is the query for a built-in metric. Of several names for the series, the first that answers is taken.
//
// increase() ignores what a series counted before its first sample, so the first errors of a new pod show up one scrape late.
// The total and the errors lose the same requests, and the window grows from there.
func (p preset) expression(metric Metric, target Target, window time.Duration) string {
	selector, failed := p.selector(target), target.failedPattern()
	back := fmt.Sprintf("[%dms]", window.Milliseconds())
	each := make([]string, 0, len(p.Series))
	for _, names := range p.Series {
		each = append(each, expressionOf(names, metric, selector, failed, back))
	}
	return strings.Join(each, " or ")
}

// expressionOf is the query for series with these names.
func expressionOf(names presets.Series, metric Metric, selector, failed, back string) string {
	total := fmt.Sprintf("sum(increase(%s{%s}%s))", names.Requests, selector, back)
	switch metric {
	case RequestCount:
		return total
	case SuccessRate:
		return fmt.Sprintf("100 * (1 - %s / (%s > 0))", failedOf(names, selector, failed, back, total), total)
	}
	buckets := fmt.Sprintf("sum by (le) (rate(%s{%s}%s))", names.Buckets, selector, back)
	quantile := "0.99"
	if metric != Duration {
		// A histogram with one request, in the bucket of the percentile: its quantiles are the bounds of that bucket.
		all := fmt.Sprintf(`scalar(sum(rate(%s{%s,le="+Inf"}%s)))`, names.Buckets, selector, back)
		buckets = fmt.Sprintf("%s >= bool 0.99 * %s", buckets, all)
		quantile = map[Metric]string{LowerBound: "1e-9", UpperBound: "1"}[metric]
	}
	return fmt.Sprintf("histogram_quantile(%s, %s) / %g", quantile, buckets, names.Unit.PerMillisecond())
}

// failedPattern is the pattern of the HTTP statuses of failed requests.
func (t Target) failedPattern() string {
	if len(t.FailedStatuses) == 0 {
		return "5.."
	}
	return strings.ReplaceAll(strings.Join(t.FailedStatuses, "|"), "xx", "..")
}

// failedOf is the number of failed requests: those with an HTTP status that says so, and the others whose gRPC status says that the server
// failed. A server answers a failed call with HTTP status 200.
func failedOf(names presets.Series, selector, failed, back, total string) string {
	var matchers []string
	not := ""
	if names.Code != "" {
		matchers, not = append(matchers, names.Code+"=~"+strconv.Quote(failed)), names.Code+"!~"+strconv.Quote(failed)+","
	}
	for _, label := range names.GRPC {
		matchers = append(matchers, fmt.Sprintf("%s%s=~%s", not, label, strconv.Quote(strings.Join(failedCalls, "|"))))
		not += label + `="",`
	}
	for i, matcher := range matchers {
		matchers[i] = fmt.Sprintf("(sum(increase(%s{%s,%s}%s)) or 0 * %s)", names.Requests, selector, matcher, back, total)
	}
	if len(matchers) == 1 {
		return matchers[0]
	}
	return "(" + strings.Join(matchers, " + ") + ")"
}

// failedCalls are the statuses of gRPC that say that the server failed, as numbers and words, by the semantic conventions of
// OpenTelemetry for servers. Others, such as NOT_FOUND, CANCELLED and RESOURCE_EXHAUSTED, are answers to what the client did.
var failedCalls = []string{"2", "4", "12", "13", "14", "15", "Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss"}

// IsFailedCall reports whether a status of gRPC says that the server failed.
func IsFailedCall(status string) bool { return slices.Contains(failedCalls, status) }

// podsOf is the pattern of the names of a target's pods. A pod's name is the name of its Deployment, the hash of its ReplicaSet and five
// characters, so podinfo never matches podinfo-canary.
func podsOf(t Target) string { return regexp.QuoteMeta(t.Workload) + "-[0-9a-z]+-[0-9a-z]{5}" }

// traefikService is the pattern of the label that Traefik gives to a backend of a route. Up to 3.6 it joins namespace, Service,
// scheme and port with hyphens; from 3.7 it joins the route's rule, namespace, Service and the backend's number in the rule.
// Namespace a-b with Service c therefore looks the same as namespace a with Service b-c. If both exist and one is a canary's
// Service, choose other names or the preset app.
func traefikService(t Target) string {
	service := regexp.QuoteMeta(t.Namespace + "-" + t.Service)
	return "(" + service + "-([a-z0-9]+-)?" + portsOf(t) + "|.+-svc-" + service + "-[0-9]+)@kubernetesgateway"
}

// portsOf is the pattern of the ports that the routes send to.
func portsOf(t Target) string {
	if len(t.Ports) == 0 {
		return "[0-9]+"
	}
	texts := make([]string, 0, len(t.Ports))
	for _, port := range t.Ports {
		texts = append(texts, strconv.Itoa(int(port)))
	}
	return "(" + strings.Join(texts, "|") + ")"
}
