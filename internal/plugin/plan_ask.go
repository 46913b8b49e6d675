package plugin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/simulate/forecast"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// scrapesBack is how far back the samples are read that show how often the metrics are scraped.
const scrapesBack = 5 * time.Minute

// lastHour asks Prometheus for the app's last hour.
func (r *planReading) lastHour(ctx context.Context) (forecast.App, error) {
	raw, problem := r.target.Counters(r.present.Policy, r.world)
	if problem != "" {
		return forecast.App{}, fmt.Errorf("the app's traffic is not known: %s", problem)
	}
	r.raw = raw
	query := raw.History()
	answer, err := r.server.Raw(ctx, query)
	if err != nil {
		return forecast.App{}, fmt.Errorf("read the last hour: %w%s", withoutURL(err), r.forward(err))
	}
	app := forecast.App{Before: polls.HistoryOf(raw, answer, r.now(), false), ByPod: raw.Pods, Pods: int(workload.Replicas(r.deployment))}
	if app.Before.Rate <= 0 {
		return app, fmt.Errorf("no requests were counted in the last hour, so nothing can be simulated, and a rollout would wait for requests: check that the app has traffic, that its metrics are "+
			"scraped (preset %s), or choose others with --preset; the query is %s", r.target.Preset, query.Expression)
	}
	app.Scrape = r.scrape(ctx)
	return app, nil
}

// scrape is the time between two scrapes; 0 if it is not known.
func (r *planReading) scrape(ctx context.Context) time.Duration {
	for back := scrapesBack; back >= shortestAnswer; back /= 4 {
		answer, err := r.server.Raw(ctx, r.raw.Query(back))
		if err == nil {
			return scrapeOf(answer)
		}
		if !isTooMuch(err) {
			return 0
		}
	}
	return 0
}

// scrapeOf is the median of the times between two samples of a series.
func scrapeOf(answer []analysis.RawSeries) time.Duration {
	var apart []int64
	for _, series := range answer {
		for i := range max(0, len(series.Samples)-1) {
			apart = append(apart, series.Samples[i+1].At-series.Samples[i].At)
		}
	}
	if len(apart) == 0 {
		return 0
	}
	slices.Sort(apart)
	return (time.Duration(apart[len(apart)/2]) * time.Millisecond).Round(time.Second)
}

// forward says how to reach an address inside of the cluster; empty if the user has named the address, or it has answered.
func (r *planReading) forward(err error) string {
	var failed *url.Error
	if r.inside == "" || !errors.As(err, &failed) {
		return ""
	}
	address, err := url.Parse(r.inside)
	if err != nil {
		return ""
	}
	advice := fmt.Sprintf("; %s is the controller's address of Prometheus, which may be reached from inside of the cluster only", address.Host)
	service, rest, qualified := strings.Cut(address.Hostname(), ".")
	if !qualified {
		return advice + ": forward a port to it, and name that with --from-prometheus URL"
	}
	namespace, _, _ := strings.Cut(rest, ".")
	port := address.Port()
	if port == "" {
		port = "80"
	}
	return fmt.Sprintf("%s: kubectl port-forward -n %s service/%s 9090:%s, and --from-prometheus http://localhost:9090", advice, namespace, service, port)
}

// answers asks the queries of the policy about the primary, and says which have an answer.
func (r *planReading) answers(ctx context.Context) map[string]forecast.Data {
	known := map[string]forecast.Data{}
	policy, world := r.present.Policy, r.ofPrimary()
	for _, check := range analysis.ChecksOf(policy) {
		if check.Metric != analysis.Custom {
			continue
		}
		window := check.Window
		if window == 0 {
			window = policy.Interval
		}
		queries, problem := r.target.Queries(check, world, window)
		known[check.Name] = r.answer(ctx, check.Name, queries, problem)
	}
	queries, problem := r.target.Pairs(policy, world)
	for _, pair := range analysis.PairsOf(policy) {
		own := slices.DeleteFunc(slices.Clone(queries), func(q analysis.Query) bool { return q.Check != pair.Name })
		known[pair.Name] = r.answer(ctx, pair.Name, own, problem)
	}
	return known
}

// ofPrimary is a world in which queries are about the primary's pods: there is no canary yet.
func (r *planReading) ofPrimary() observed.World {
	world := r.world
	world.DryRun = true
	return world
}

// answer asks queries one after the other, and says what was answered.
func (r *planReading) answer(ctx context.Context, name string, queries []analysis.Query, problem string) forecast.Data {
	data := forecast.Data{Check: name, Has: forecast.HasData, Why: "its query has a value for the primary now"}
	if problem != "" {
		return forecast.Data{Check: name, Has: forecast.HasNone, Why: problem}
	}
	for _, query := range queries {
		if query.Server != nil {
			return forecast.Data{Check: name, Has: forecast.NotAsked, Why: "the server of its MetricTemplate was not asked: only the controller has its credentials"}
		}
		value, err := r.server.Value(ctx, query)
		switch {
		case errors.Is(err, provider.ErrNoData) || err == nil && math.IsNaN(value):
			return forecast.Data{Check: name, Has: forecast.HasNone, Why: "no value for the primary: check the query " + query.Expression}
		case err != nil:
			return forecast.Data{Check: name, Has: forecast.HasNone, Why: fmt.Sprintf("the query fails: %v", withoutURL(err))}
		}
	}
	return data
}
