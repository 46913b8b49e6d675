package splitbrain

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// apps is the number of apps that are rolled out at the same time.
const apps = 4

// run rolls out several apps with this many controllers at once and returns the story of each. Every app is promoted, then
// rolled back in its last step, then promoted again.
func run(t *testing.T, controllers int) [][]string {
	t.Helper()
	var all []app
	var namespaces []string
	for range apps {
		a := newApp(t)
		t.Cleanup(server.PlayControllers(a.namespace))
		all, namespaces = append(all, a), append(namespaces, a.namespace)
	}
	recordings := make([]*recording, apps)
	for i, a := range all {
		recordings[i] = record(t, a)
	}
	for range controllers {
		startController(t, namespaces)
	}
	for _, a := range all {
		a.Eventually(func() v1alpha1.Phase { return a.canary(t.Context()).Status.Phase }, patience, glance).Should(Equal(v1alpha1.PhaseInitialized))
	}
	var ended sync.WaitGroup
	for _, a := range all {
		ended.Go(func() {
			for i, image := range []string{"podinfo:v2", "podinfo:bad", "podinfo:v3"} {
				a.rollOut(t.Context(), image, i+1)
			}
		})
	}
	ended.Wait()
	stories := make([][]string, apps)
	for i, a := range all {
		a.expectToldOnce(t.Context())
		writes := recordings[i].inOrder()
		for _, excess := range excesses(writes) {
			t.Errorf("%d controllers, %s: %s", controllers, a.namespace, excess)
		}
		stories[i] = story(writes)
	}
	return stories
}

// expectToldOnce counts the events that occur once in each rollout.
func (a app) expectToldOnce(ctx context.Context) {
	told := func() map[string]int32 {
		var events corev1.EventList
		a.Expect(server.Client.List(ctx, &events, client.InNamespace(a.namespace))).To(Succeed())
		counts := map[string]int32{}
		for _, event := range events.Items {
			if event.InvolvedObject.Kind == "Canary" {
				counts[event.Reason] += event.Count
			}
		}
		return counts
	}
	// Each controller sends its events after the writes that they tell of, at its own pace.
	a.Eventually(told, patience, glance).Should(And(HaveKeyWithValue("Promoted", int32(2)), HaveKeyWithValue("RolledBack", int32(1)),
		HaveKeyWithValue("CandidateHeld", int32(3)), HaveKeyWithValue("WeightAdvanced", int32(9)),
		HaveKeyWithValue("CheckFailed", int32(2)), HaveKeyWithValue("RollingBack", int32(1)), HaveKeyWithValue("AnalysisPassed", int32(2))))
}

func TestTwoControllersAtOnceRollOutAsOneDoes(t *testing.T) {
	want := run(t, 1)[0]
	if text := strings.Join(want, "\n"); strings.Count(text, "the route gives 60%") != 3 || strings.Count(text, "the route gives 0%") != 3 {
		t.Fatalf("one controller did not do what it was to:\n%s", text)
	}
	for _, got := range run(t, 2) {
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("the story with two controllers (-one +two):\n%s", difference)
		}
	}
}
