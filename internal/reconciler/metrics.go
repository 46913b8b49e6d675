package reconciler

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// metrics are the metrics of the rollouts. The series of a Canary are removed with it.
type metrics struct {
	total    *prometheus.GaugeVec
	status   *prometheus.GaugeVec
	step     *prometheus.GaugeVec
	weight   *prometheus.GaugeVec
	duration *prometheus.HistogramVec
	direct   *prometheus.CounterVec
	guard    guardMetrics

	mu   sync.Mutex
	seen map[types.NamespacedName]bool
}

// Values of sluice_canary_status, as those of flagger_canary_status.
const (
	statusRunning   = 0
	statusSucceeded = 1
	statusFailed    = 2
)

// newMetrics registers the metrics. A registry can be used only once.
func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		total: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_canary_total", Help: "Number of Canaries.",
		}, []string{"namespace"}),
		status: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_canary_status", Help: "How the last rollout stands: 0 running, 1 successful, 2 failed.",
		}, []string{"name", "namespace"}),
		step: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_canary_step", Help: "Number of the step of the rollout, iterations included; 0 before the first and without a rollout.",
		}, []string{"name", "namespace"}),
		weight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_canary_weight", Help: "Percentage of requests that each workload should get.",
		}, []string{"workload", "namespace"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_canary_duration_seconds", Help: "Time from a held candidate to the end of its rollout.",
			Buckets: []float64{15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 86400},
		}, []string{"name", "namespace"}),
		direct: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_direct_changes_total", Help: "Changes of a primary's pod template without a canary: bypass, unavailable, restart, opted-out, opted-in, or unseen by admission.",
		}, []string{"name", "namespace", "how"}),
		guard: newGuardMetrics(),
		seen:  map[types.NamespacedName]bool{},
	}
	registry.MustRegister(m.total, m.status, m.step, m.weight, m.duration, m.direct, m.guard.evidence, m.guard.decisions)
	return m
}

// show exports a state that was written.
func (m *metrics) show(canary *v1alpha1.Canary, p plan.Plan) {
	next := p.Next
	key := client.ObjectKeyFromObject(canary)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, way := range p.Directs {
		m.direct.WithLabelValues(key.Name, key.Namespace, string(way)).Inc()
	}
	if next.Phase == v1alpha1.PhaseOptedOut {
		m.hide(key)
		return
	}
	m.seen[key] = true
	m.count(key.Namespace)
	m.status.WithLabelValues(key.Name, key.Namespace).Set(statusOf(next))
	m.step.WithLabelValues(key.Name, key.Namespace).Set(float64(next.Open().Step.Number))
	m.weight.WithLabelValues(key.Name, key.Namespace).Set(100 - next.CanaryWeight)
	m.weight.WithLabelValues(workload.CanaryName(key.Name), key.Namespace).Set(next.CanaryWeight)
	m.guard.show(key, canary.Status, next)
	if before := canary.Status; observed.Active(before) && !observed.Active(next) && before.Open().Started != nil {
		m.duration.WithLabelValues(key.Name, key.Namespace).Observe(next.LastTransitionTime.Sub(before.Open().Started.Time).Seconds())
	}
}

// count exports the number of Canaries of a namespace. A namespace without any has no series.
func (m *metrics) count(namespace string) {
	number := 0
	for key := range m.seen {
		if key.Namespace == namespace {
			number++
		}
	}
	if number == 0 {
		m.total.DeleteLabelValues(namespace)
		return
	}
	m.total.WithLabelValues(namespace).Set(float64(number))
}

func statusOf(state observed.State) float64 {
	switch {
	case observed.Active(state):
		return statusRunning
	case state.Phase == v1alpha1.PhaseFailed:
		return statusFailed
	}
	return statusSucceeded
}

// forget removes every series of a Canary that is gone.
func (m *metrics) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hide(key)
	labels := prometheus.Labels{"name": key.Name, "namespace": key.Namespace}
	m.direct.DeletePartialMatch(labels)
	m.guard.decisions.DeletePartialMatch(labels)
}

// hide removes the series of a Canary whose Deployment is opted out. Those that count direct changes and decisions stay: opting out
// and in again must not take them away.
func (m *metrics) hide(key types.NamespacedName) {
	if !m.seen[key] {
		return
	}
	delete(m.seen, key)
	m.count(key.Namespace)
	m.status.DeleteLabelValues(key.Name, key.Namespace)
	m.step.DeleteLabelValues(key.Name, key.Namespace)
	m.weight.DeleteLabelValues(key.Name, key.Namespace)
	m.weight.DeleteLabelValues(workload.CanaryName(key.Name), key.Namespace)
	m.duration.DeleteLabelValues(key.Name, key.Namespace)
	m.guard.evidence.DeleteLabelValues(key.Name, key.Namespace)
}
