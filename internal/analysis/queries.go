package analysis

import (
	"errors"
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
	// FailedStatuses are the HTTP statuses of failed requests, by number or by class, such as 429 and 5xx. Empty for 5xx.
	FailedStatuses []string
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
	// SuccessRate is the percentage of requests that did not fail.
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
	p, exists := known[presetName]
	if !exists {
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
