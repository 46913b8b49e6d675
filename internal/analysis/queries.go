package analysis

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Target is the workload that queries are about.
type Target struct {
	// Namespace is the namespace of the workload.
	Namespace string
	// Service is the Service of the canary's pods.
	Service string
	// Workload is the Deployment of the canary's pods.
	Workload string
	// Ports are the ports of the Service that the routes send to.
	Ports []int32
	// Primary is the name of the primary, PrimaryService its Service, and Route the first route of that Service.
	Primary, PrimaryService, Route string
	// Control is the Deployment of the control, and ControlService its Service. Empty without a fresh baseline.
	Control, ControlService string
	// Replicas is the number of the primary's pods; 0 if it is not known.
	Replicas int32
}

// primary is the target whose pods are the primary's.
func (t Target) primary() Target {
	t.Service, t.Workload = t.PrimaryService, t.Primary
	return t
}

// control is the target whose pods are the control's.
func (t Target) control() Target {
	t.Service, t.Workload = t.ControlService, t.Control
	return t
}

// Metric names what a query measures.
type Metric string

const (
	// RequestCount is the number of requests in the window.
	RequestCount Metric = "request-count"
	// SuccessRate is the percentage of requests that were not answered with a 5xx.
	SuccessRate Metric = v1alpha1.MetricSuccessRate
	// Duration is the 99th percentile of the request durations in milliseconds.
	Duration Metric = v1alpha1.MetricDuration
	// LowerBound is the bound of the histogram below that percentile in milliseconds; the largest bound, if the percentile is beyond it.
	LowerBound Metric = "lower-bound"
	// UpperBound is the bound above it; the largest bound, if the percentile is beyond it.
	UpperBound Metric = "upper-bound"
	// Custom is what the query of a check measures.
	Custom Metric = "custom"
	// PrimaryCount is the number of requests to the primary in the window.
	PrimaryCount Metric = "primary-request-count"
	// PrimaryValue is what the query of a check measures of the primary.
	PrimaryValue Metric = "primary-value"
	// PrimaryLower is the bound below the primary's percentile.
	PrimaryLower Metric = "primary-lower-bound"
	// PrimaryUpper is the bound above it.
	PrimaryUpper Metric = "primary-upper-bound"
	// PairBad is the counter of a pair's bad events.
	PairBad Metric = "pair-bad"
	// PairTotal is the counter of all its events.
	PairTotal Metric = "pair-total"
	// PrimaryBad is the primary's counter of bad events.
	PrimaryBad Metric = "primary-pair-bad"
	// PrimaryTotal is the primary's counter of all events.
	PrimaryTotal Metric = "primary-pair-total"
	// Counters is what the counters of the canary and its primary show, sample by sample.
	Counters Metric = "counters"
)

// Query is one query to a metrics server.
type Query struct {
	// Check is the name of the check that the query belongs to.
	Check  string
	Metric Metric
	// Expression is the query in the server's language, such as PromQL.
	Expression string
	// Server answers the query. Nil for the controller's Prometheus.
	Server *Server
	// Window is how far back the query looks, for servers that are told so beside the query. 0 for built-in metrics.
	Window time.Duration
}

// preset selects the series of one source of metrics that belong to a target.
type preset struct {
	// controller is the controllerName of the GatewayClasses that the preset fits.
	controller string
	// requests is the counter of requests, and code its label with the status that they were answered with.
	requests, code string
	// buckets is the histogram of durations. perMillisecond is how many of its units make a millisecond.
	buckets        string
	perMillisecond float64
	// selector returns the label selector of the target's series.
	selector func(Target) string
	// raw tells the series of both versions apart.
	raw rawPreset
	// blindToCalls means that gRPC calls are counted by their HTTP status, which is the same for failed calls.
	blindToCalls bool
}

var presets = map[config.Preset]preset{
	config.PresetTraefik: {
		controller: "traefik.io/gateway-controller",
		requests:   "traefik_service_requests_total", code: "code",
		buckets: "traefik_service_request_duration_seconds_bucket", perMillisecond: 0.001,
		selector: func(t Target) string { return "service=~" + strconv.Quote(traefikService(t)) }, blindToCalls: true,
		raw: rawPreset{arm: "service", pattern: traefikService, fits: fitsTraefik, named: true},
	},
	config.PresetIstio: {
		controller: "istio.io/gateway-controller",
		requests:   "istio_requests_total", code: "response_code",
		buckets: "istio_request_duration_milliseconds_bucket", perMillisecond: 1,
		selector: func(t Target) string {
			return fmt.Sprintf(`reporter=~"source|waypoint",destination_workload_namespace=%s,destination_workload=%s`,
				strconv.Quote(t.Namespace), strconv.Quote(t.Workload))
		},
		raw: rawPreset{arm: "destination_workload", pattern: func(t Target) string { return regexp.QuoteMeta(t.Workload) }, fits: fitsWorkload,
			others: func(t Target) string {
				return `reporter=~"source|waypoint",destination_workload_namespace=` + strconv.Quote(t.Namespace)
			}},
	},
	// Envoy Gateway's own statistics are those of Envoy clusters. A cluster is a rule of a route, with all its backends in
	// it, unless the EnvoyProxy names them otherwise, so they cannot tell a canary from its primary; what the pods say of
	// themselves can.
	config.PresetEnvoyGateway: app("gateway.envoyproxy.io/gatewayclass-controller"),
	config.PresetApp:          app(""),
}

// app selects the metrics that the canary's own pods export. A pod's name is the name of its Deployment, the hash of its
// ReplicaSet and five characters, so podinfo never matches podinfo-canary.
func app(controller string) preset {
	return preset{
		controller: controller,
		requests:   "http_requests_total", code: "code",
		buckets: "http_request_duration_seconds_bucket", perMillisecond: 0.001,
		selector: func(t Target) string {
			return fmt.Sprintf("namespace=%s,pod=~%s", strconv.Quote(t.Namespace), strconv.Quote(podsOf(t)))
		},
		raw: rawPreset{arm: "pod", pattern: podsOf, fits: fitsPod, pods: true, routes: []string{"route", "handler", "path"},
			others: func(t Target) string { return "namespace=" + strconv.Quote(t.Namespace) }},
	}
}

// podsOf is the pattern of the names of a target's pods.
func podsOf(t Target) string { return regexp.QuoteMeta(t.Workload) + "-[0-9a-z]+-[0-9a-z]{5}" }

// traefikService is the pattern of the label that Traefik gives to a backend of a route. Up to 3.6 it joins namespace, Service,
// scheme and port with hyphens; from 3.7 it joins the route's rule, namespace, Service and the backend's number in the rule.
// Namespace a-b with Service c therefore looks the same as namespace a with Service b-c. If both exist and one is a canary's
// Service, choose other names or the preset app.
func traefikService(t Target) string {
	ports := "[0-9]+"
	if len(t.Ports) > 0 {
		texts := make([]string, 0, len(t.Ports))
		for _, port := range t.Ports {
			texts = append(texts, strconv.Itoa(int(port)))
		}
		ports = "(" + strings.Join(texts, "|") + ")"
	}
	service := regexp.QuoteMeta(t.Namespace + "-" + t.Service)
	return "(" + service + "-([a-z0-9]+-)?" + ports + "|.+-svc-" + service + "-[0-9]+)@kubernetesgateway"
}

// PresetFor returns the preset for the gateways of a controller.
func PresetFor(controllerName string) (name config.Preset, ok bool) {
	for name, p := range presets {
		if p.controller != "" && p.controller == controllerName {
			return name, true
		}
	}
	return "", false
}

// BlindToCalls reports whether a preset counts gRPC calls without their status and so cannot judge them.
func BlindToCalls(preset config.Preset) bool { return presets[preset].blindToCalls }

// Settle is how long any of the proxies that the presets know may keep sending requests to an old endpoint after a route is
// in effect. Endpoints that the route no longer names must stay until then.
const Settle = 2 * time.Second

// QueriesFor returns the queries of one check about a target: the request count and the metric for a built-in check, else the
// check's own query. A check that compares has the same ones for the primary. The window is how far back they look, in whole
// milliseconds. An unknown preset has no queries. The error says what is wrong with a query.
func QueriesFor(check Check, presetName config.Preset, target Target, window time.Duration) ([]Query, error) {
	queries, err := queriesOf(check, presetName, target, window)
	if err != nil || !check.compares() || len(queries) == 0 {
		return queries, err
	}
	primaries, err := queriesOf(check, presetName, target.primary(), window)
	if err != nil {
		return nil, err
	}
	for i, query := range primaries {
		if query.Expression == queries[i].Expression && target.Workload != target.Primary {
			return nil, errors.New("the query is the same for the primary, to which the check compares: use {{ target }} in it, which is first the canary and then the primary")
		}
		query.Metric = ofPrimary[query.Metric]
		queries = append(queries, query)
	}
	return queries, nil
}

// ofPrimary is what the query for a metric of the canary measures if it is about the primary.
var ofPrimary = map[Metric]Metric{
	RequestCount: PrimaryCount, SuccessRate: PrimaryValue, Duration: PrimaryValue, Custom: PrimaryValue, LowerBound: PrimaryLower, UpperBound: PrimaryUpper,
}

// queriesOf returns the queries about one version.
func queriesOf(check Check, presetName config.Preset, target Target, window time.Duration) ([]Query, error) {
	if check.Metric == Custom {
		expression, err := Render(check.Query, Variables{
			Namespace: target.Namespace, Primary: target.Primary, Target: target.Workload, Service: target.PrimaryService,
			Route: target.Route, Interval: window, Custom: check.Variables, Language: languageOf(check.Server),
		})
		return []Query{{Check: check.Name, Metric: Custom, Expression: expression, Server: check.Server, Window: window}}, err
	}
	p, known := presets[presetName]
	if !known {
		return nil, nil
	}
	asked := []Metric{RequestCount, check.Metric}
	if check.Metric == Duration {
		asked = append(asked, LowerBound, UpperBound)
	}
	queries := make([]Query, 0, len(asked))
	for _, metric := range asked {
		queries = append(queries, Query{Check: check.Name, Metric: metric, Expression: p.expression(metric, target, window)})
	}
	return queries, nil
}

// expression is the query for a built-in metric.
//
// increase() ignores what a series counted before its first sample, so the first errors of a new pod show up one scrape late.
// The total and the errors lose the same requests, and the window grows from there.
func (p preset) expression(metric Metric, target Target, window time.Duration) string {
	selector := p.selector(target)
	back := fmt.Sprintf("[%dms]", window.Milliseconds())
	total := fmt.Sprintf("sum(increase(%s{%s}%s))", p.requests, selector, back)
	switch metric {
	case RequestCount:
		return total
	case SuccessRate:
		failed := fmt.Sprintf(`sum(increase(%s{%s,%s=~"5.."}%s))`, p.requests, selector, p.code, back)
		return fmt.Sprintf("100 * (1 - (%s or 0 * %s) / (%s > 0))", failed, total, total)
	}
	buckets := fmt.Sprintf("sum by (le) (rate(%s{%s}%s))", p.buckets, selector, back)
	quantile := "0.99"
	if metric != Duration {
		// A histogram with one request, in the bucket of the percentile: its quantiles are the bounds of that bucket.
		all := fmt.Sprintf(`scalar(sum(rate(%s{%s,le="+Inf"}%s)))`, p.buckets, selector, back)
		buckets = fmt.Sprintf("%s >= bool 0.99 * %s", buckets, all)
		quantile = map[Metric]string{LowerBound: "1e-9", UpperBound: "1"}[metric]
	}
	return fmt.Sprintf("histogram_quantile(%s, %s) / %g", quantile, buckets, p.perMillisecond)
}
