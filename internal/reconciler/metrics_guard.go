package reconciler

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
)

// guardMetrics are the metrics of the guard's verdicts.
type guardMetrics struct {
	evidence  *prometheus.GaugeVec
	decisions *prometheus.CounterVec
}

func newGuardMetrics() guardMetrics {
	return guardMetrics{
		evidence: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_guard_evidence", Help: "How many times likelier the data of the rollout is if the canary is harmful; proof is 1 / alpha.",
		}, []string{"name", "namespace"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_guard_decisions_total", Help: "Decisions of the guard. One that is repeated look after look counts once.",
		}, []string{"name", "namespace", "action", "reason"}),
	}
}

// show exports the guard's verdict of a state that was written. Without a rollout that it judges there is no evidence.
func (m guardMetrics) show(key types.NamespacedName, before, next observed.State) {
	known, was := next.Open().Guard, before.Open().Guard
	if !observed.Active(next) || known == nil || known.Off != "" || known.Judged == nil {
		m.evidence.DeleteLabelValues(key.Name, key.Namespace)
		return
	}
	m.evidence.WithLabelValues(key.Name, key.Namespace).Set(known.Harm)
	if decided := decisionOf(known); decided != decisionOf(was) {
		m.decisions.WithLabelValues(key.Name, key.Namespace, decided.action, decided.reason).Inc()
	}
}

type decision struct{ action, reason string }

func decisionOf(known *v1alpha1.GuardStatus) decision {
	if known == nil {
		return decision{}
	}
	return decision{known.Action, known.Reason}
}
