package process

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

const (
	// perScrape is how many requests the gateway serves between two scrapes: enough for a quick verdict at each weight.
	perScrape = 20_000
	scrape    = time.Second
	// dwell is the least time in a step.
	dwell = time.Second
)

// counting is a gateway that serves requests by the weights of the shop's route, and the Prometheus that scrapes its counters.
type counting struct {
	address string

	mu      sync.Mutex
	failing float64
	samples []scraped
}

// scraped is one scrape of the counters, which only rise.
type scraped struct {
	at                       time.Time
	canary, primary, control counted
}

type counted struct{ good, failed float64 }

// count starts the gateway of the shop. It ends with the test.
func (s *shop) count() *counting {
	s.t.Helper()
	g := &counting{}
	server := httptest.NewServer(http.HandlerFunc(g.answer))
	ctx, stop := context.WithCancel(s.t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		for every := time.NewTicker(scrape); ctx.Err() == nil; <-every.C {
			shares := s.shares(ctx)
			g.serve(time.Now(), shares["podinfo-canary"], shares["podinfo-baseline"])
		}
	})
	s.t.Cleanup(func() { stop(); over.Wait(); server.Close() })
	g.address = server.URL
	return g
}

// shares are the parts of the requests that the route sends to each Service.
func (s *shop) shares(ctx context.Context) map[string]float64 {
	var route gatewayv1.HTTPRoute
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, &route); err != nil {
		return nil
	}
	shares, all := map[string]float64{}, 0.0
	for _, backend := range route.Spec.Rules[0].BackendRefs {
		weight := float64(ptr.Deref(backend.Weight, 1))
		all += weight
		shares[string(backend.Name)] += weight
	}
	for name := range shares {
		shares[name] /= max(all, 1)
	}
	return shares
}

// fail makes a part of the canary's requests fail.
func (g *counting) fail(part float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failing = part
}

// serve serves the requests up to a scrape.
func (g *counting) serve(at time.Time, share, control float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := scraped{at: at.Truncate(time.Millisecond)}
	if n := len(g.samples); n > 0 {
		now.canary, now.primary, now.control = g.samples[n-1].canary, g.samples[n-1].primary, g.samples[n-1].control
	}
	canary := math.Round(perScrape * share)
	failed := math.Round(canary * g.failing)
	now.canary.good, now.canary.failed = now.canary.good+canary-failed, now.canary.failed+failed
	now.control.good += math.Round(perScrape * control)
	now.primary.good += perScrape - canary - math.Round(perScrape*control)
	g.samples = append(g.samples, now)
}

// canaryAt is how many requests the canary had answered by a time.
func (g *counting) canaryAt(at time.Time) (requests float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.samples {
		if !s.at.After(at) {
			requests = s.canary.good + s.canary.failed
		}
	}
	return requests
}

var ofRange = regexp.MustCompile(`\[(\d+)ms\]$`)

// answer answers queries for raw counters, and for the primary's last hour, as Prometheus does.
func (g *counting) answer(w http.ResponseWriter, r *http.Request) {
	result := hour(time.Now())
	if back := ofRange.FindStringSubmatch(r.FormValue("query")); back != nil {
		millis, _ := strconv.Atoi(back[1])
		result = g.since(time.Now().Add(-time.Duration(millis) * time.Millisecond))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result}})
}

// matrix is one series with its samples.
type matrix struct {
	Metric map[string]string `json:"metric"`
	Values [][2]any          `json:"values"`
}

func seriesOf(service, code string) matrix {
	return matrix{Metric: map[string]string{"__name__": "traefik_service_requests_total", "service": "shop-" + service + "-80@kubernetesgateway",
		"code": code, "instance": "10.0.0.1:9100", "job": "traefik"}}
}

func (m *matrix) add(at time.Time, value float64) {
	m.Values = append(m.Values, [2]any{float64(at.UnixMilli()) / 1000, fmt.Sprint(value)})
}

// hour is a primary that has answered as many requests as now, without an error.
func hour(now time.Time) []matrix {
	m := seriesOf("podinfo", "200")
	for minute := range 60 {
		m.add(now.Truncate(time.Minute).Add(time.Duration(minute-59)*time.Minute), float64(minute)*perScrape*time.Minute.Seconds()/scrape.Seconds())
	}
	return []matrix{m}
}

// since returns all samples of the last while. A version has no series before its first request.
func (g *counting) since(from time.Time) []matrix {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []matrix{seriesOf("podinfo", "200"), seriesOf("podinfo-canary", "200"), seriesOf("podinfo-canary", "503"), seriesOf("podinfo-baseline", "200")}
	for _, s := range g.samples {
		for i, value := range []float64{s.primary.good, s.canary.good, s.canary.failed, s.control.good} {
			if value > 0 && s.at.After(from) {
				all[i].add(s.at, value)
			}
		}
	}
	var seen []matrix
	for _, m := range all {
		if len(m.Values) > 0 {
			seen = append(seen, m)
		}
	}
	return seen
}
