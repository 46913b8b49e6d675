package workload

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tried returns the identity that trying all combinations finds.
func tried(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service) Identity {
	choices := choices(primary, candidate)
	for size := 1; size <= len(choices); size++ {
		for _, keys := range combinations(choices, size) {
			if identity := rewritten(candidate.Labels, keys); MixedUp(primary, candidate, services, identity) == "" {
				return identity
			}
		}
	}
	return nil
}

// combinations returns all combinations of a size, those with earlier keys first.
func combinations(keys []string, size int) [][]string {
	if size == 0 {
		return [][]string{nil}
	}
	var all [][]string
	for i := 0; i+size <= len(keys); i++ {
		for _, rest := range combinations(keys[i+1:], size-1) {
			all = append(all, append([]string{keys[i]}, rest...))
		}
	}
	return all
}

// world makes random labels and selectors. Few keys and values make them meet.
type world struct{ *rand.Rand }

func (w world) labels(most int) map[string]string {
	result := map[string]string{}
	for range 1 + w.IntN(most) {
		key := []string{"app", "name", "tier", "team", "zone", "sluice.dev/role"}[w.IntN(6)]
		result[key] = []string{"a", "b", "a-canary", "canary", ""}[w.IntN(5)]
	}
	return result
}

func (w world) some(of map[string]string) map[string]string {
	result := map[string]string{}
	for key, value := range of {
		if w.IntN(2) == 0 {
			result[key] = value
		}
	}
	return result
}

func (w world) selector(pod map[string]string) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: w.some(pod)}
	for range w.IntN(3) {
		operator := []metav1.LabelSelectorOperator{metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist}[w.IntN(4)]
		for key, value := range w.labels(1) {
			requirement := metav1.LabelSelectorRequirement{Key: key, Operator: operator}
			if operator == metav1.LabelSelectorOpIn || operator == metav1.LabelSelectorOpNotIn {
				requirement.Values = []string{value, "b"}
			}
			selector.MatchExpressions = append(selector.MatchExpressions, requirement)
		}
	}
	return selector
}

// TestTheSearchFindsWhatTryingFinds compares the search with trying all combinations, in random worlds.
func TestTheSearchFindsWhatTryingFinds(t *testing.T) {
	found := 0
	for seed := range uint64(6000) {
		w := world{rand.New(rand.NewPCG(seed, 3))}
		pod := w.labels(5)
		primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{Selector: w.selector(pod)}}
		primary.Spec.Template.Labels = pod
		candidate := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: w.labels(5)}}
		if w.IntN(2) == 0 {
			candidate.Labels = pod
		}
		var services []corev1.Service
		for i := range w.IntN(4) {
			services = append(services, service(fmt.Sprint(i), w.some(pod)))
		}
		want := tried(primary, candidate, services)
		got, err := IdentityFor(primary, candidate, services, nil)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Fatalf("seed %d: %v\n%s", seed, err, diff)
		}
		if want != nil {
			found++
		}
	}
	if found < 1500 || found > 5700 {
		t.Errorf("%d worlds have an identity", found)
	}
}

// TestALabelBeyondTheOthersIsFound has more labels than are searched. Those that no selector names do not count.
func TestALabelBeyondTheOthersIsFound(t *testing.T) {
	pod := set{"zone": "x"}
	for i := range 3 * mostSearched {
		pod[fmt.Sprintf("label-%02d", i)] = "web"
	}
	primary := primaryWith(set{"zone": "x"}, pod)
	got, err := IdentityFor(primary, primary.Spec.Template, []corev1.Service{service("web", set{"label-35": "web"})}, nil)
	if diff := cmp.Diff(Identity{"label-35": "web-canary", "zone": "x-canary"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}
