package reconciler

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// series are the values of a registry by name and labels; of a histogram its count and its sum.
func series(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			key := family.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case metric.GetHistogram() != nil:
				all[key+" count"], all[key+" sum"] = float64(metric.GetHistogram().GetSampleCount()), metric.GetHistogram().GetSampleSum()
			case metric.GetCounter() != nil:
				all[key] = metric.GetCounter().GetValue()
			default:
				all[key] = metric.GetGauge().GetValue()
			}
		}
	}
	return all
}

// moving is a state of a rollout.
func moving(phase v1alpha1.Phase, step int32, weight float64, at time.Time) observed.State {
	state := observed.State{Phase: phase, CanaryWeight: weight, LastTransitionTime: metav1.Time{Time: at}}
	if observed.Active(state) {
		state.Rollout = &v1alpha1.RolloutStatus{Started: &metav1.MicroTime{Time: start}, Step: v1alpha1.StepStatus{Number: step}}
	}
	return state
}

var start = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// TestEveryMetricMoves lets a rollout pass by and expects of every metric that is registered that it follows.
func TestEveryMetricMoves(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}}
	show := func(next observed.State, directs ...workload.DirectWay) map[string]float64 {
		m.show(canary, plan.Plan{Next: next, Directs: directs})
		canary.Status = next
		return series(t, registry)
	}
	moved := map[string]bool{}
	expect := func(what string, got, want map[string]float64) {
		t.Helper()
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
		for key := range got {
			name, _, _ := strings.Cut(key, "{")
			moved[name] = true
		}
	}
	base := func(status, step, weight float64, more map[string]float64) map[string]float64 {
		all := map[string]float64{"sluice_canary_total{namespace=test}": 1, "sluice_canary_status{name=shop,namespace=test}": status,
			"sluice_canary_step{name=shop,namespace=test}": step, "sluice_canary_weight{namespace=test,workload=shop}": 100 - weight,
			"sluice_canary_weight{namespace=test,workload=shop-canary}": weight}
		maps.Copy(all, more)
		return all
	}
	expect("a rollout", show(moving(v1alpha1.PhaseProgressing, 2, 20, start)), base(statusRunning, 2, 20, nil))
	canary.Status = observed.State{}
	judged := func(action, reason string, harm float64) observed.State {
		state := moving(v1alpha1.PhaseProgressing, 2, 20, start)
		state.Rollout.Guard = &v1alpha1.GuardStatus{Action: action, Reason: reason, Harm: harm, Judged: &metav1.MicroTime{Time: start}}
		return state
	}
	const evidence, decisions = "sluice_guard_evidence{name=shop,namespace=test}", "sluice_guard_decisions_total{action=%s,name=shop,namespace=test,reason=%s}"
	counted := map[string]float64{fmt.Sprintf(decisions, "hold", "Collecting"): 1}
	guarded := func(harm float64) map[string]float64 {
		all := maps.Clone(counted)
		all[evidence] = harm
		return all
	}
	expect("the guard's first look", show(judged("hold", "Collecting", .5)), base(statusRunning, 2, 20, guarded(.5)))
	expect("the same decision again", show(judged("hold", "Collecting", 3)), base(statusRunning, 2, 20, guarded(3)))
	counted[fmt.Sprintf(decisions, "rollback", "Harm")] = 1
	expect("another decision", show(judged("rollback", "Harm", 120)), base(statusRunning, 2, 20, guarded(120)))
	off := judged("", "", 0)
	off.Rollout.Guard = &v1alpha1.GuardStatus{Off: "no requests are split"}
	expect("a rollout that the guard does not judge", show(off), base(statusRunning, 2, 20, counted))
	show(judged("rollback", "Harm", 120))
	counted[fmt.Sprintf(decisions, "rollback", "Harm")] = 2
	took := map[string]float64{"sluice_canary_duration_seconds{name=shop,namespace=test} count": 1, "sluice_canary_duration_seconds{name=shop,namespace=test} sum": 90}
	maps.Copy(took, counted)
	expect("a failure", show(moving(v1alpha1.PhaseFailed, 0, 0, start.Add(90*time.Second))), base(statusFailed, 0, 0, took))
	took["sluice_direct_changes_total{how=bypass,name=shop,namespace=test}"] = 1
	expect("a direct change", show(moving(v1alpha1.PhaseSucceeded, 0, 0, start), workload.DirectBypass), base(statusSucceeded, 0, 0, took))
	show(moving(v1alpha1.PhaseOptedOut, 0, 0, start))
	counted["sluice_direct_changes_total{how=bypass,name=shop,namespace=test}"] = 1
	expect("an opt-out", series(t, registry), counted)
	m.forget(observed.World{Namespace: "test", Name: "shop"}.Key())
	expect("a deletion", series(t, registry), map[string]float64{})
	for _, name := range registered(registry) {
		if !moved[name] {
			t.Errorf("%s is registered, and nothing here moves it", name)
		}
	}
}

// registered are the names of Sluice's metrics, also of those without a series.
func registered(registry *prometheus.Registry) (names []string) {
	descriptions := make(chan *prometheus.Desc, 100)
	registry.Describe(descriptions)
	close(descriptions)
	for description := range descriptions {
		names = append(names, sluices.FindString(description.String()))
	}
	return names
}

var sluices = regexp.MustCompile(`sluice_[a-z_]+`)

// TestNobodyReadsAMetricThatDoesNotExist compares the alerts, the dashboard and the page about metrics with what is registered.
func TestNobodyReadsAMetricThatDoesNotExist(t *testing.T) {
	registry := prometheus.NewRegistry()
	newMetrics(registry)
	for _, file := range []string{"../../charts/sluice/templates/monitoring.yaml", "../../charts/sluice/files/dashboard.json", "../../docs/reference/metrics.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read := sluices.FindAllString(string(content), -1)
		for _, name := range read {
			if !slices.Contains(registered(registry), strings.TrimSuffix(name, "_bucket")) {
				t.Errorf("%s reads %s, which is not registered", file, name)
			}
		}
		for _, name := range registered(registry) {
			if strings.HasSuffix(file, ".md") && !slices.Contains(read, name) {
				t.Errorf("%s lacks %s", file, name)
			}
		}
	}
}
