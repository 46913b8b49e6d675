package counters

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// TestVictoriaMetricsAnswersAsPrometheusDoes has another server with Prometheus' API: what it scraped is counted as exactly, also beyond its
// restart, and a MetricTemplate can ask it.
func TestVictoriaMetricsAnswersAsPrometheusDoes(t *testing.T) {
	s := newShopOf(t, ofVictoriaMetrics)
	primary := newPod(t, "podinfo-7d9c5b-aaaaa", false)
	primary.answer("200", 0.2, 1000)
	s.pods = []*pod{primary}
	s.start()
	s.began = time.Now()
	s.polled("the primary", func(counters.Result) bool { return len(s.last()) == 1 })
	s.polled("its next scrape", func(r counters.Result) bool { return r.Interval > 0 })

	canary := newPod(t, "podinfo-canary-6f8b7c-ccccc", false)
	s.serve(canary, 3, 2)
	s.scrape(canary)
	s.polled("the canary", func(r counters.Result) bool { return !r.Canary.Newest.IsZero() })
	s.serve(primary, 10, 1)
	s.counts("the first errors of a new pod count")

	s.stop(syscall.SIGTERM)
	s.serve(canary, 20, 5)
	s.serve(primary, 200, 3)
	s.start()
	s.counts("what was answered while nothing was scraped counts")

	asked, err := prometheus.New("", outbound.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	s.Expect(err).NotTo(HaveOccurred())
	total := func() (float64, error) {
		return asked.Value(t.Context(), analysis.Query{Expression: `sum(http_requests_total{pod=~"podinfo-canary-.*"})`,
			Server: &analysis.Server{Type: "prometheus", Address: "http://" + s.address}})
	}
	want, _ := s.read()
	s.Eventually(total, patience, glance).Should(Equal(want.requests))
}
