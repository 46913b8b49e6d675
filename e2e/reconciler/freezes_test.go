package reconciler

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// freeze creates a Freeze for this test's namespace. It does not affect other tests.
func (a *app) freeze(mode v1alpha1.FreezeMode) *v1alpha1.Freeze {
	a.t.Helper()
	made := &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}, Spec: v1alpha1.FreezeSpec{Reason: "outage", Mode: mode, Namespaces: []string{a.namespace}}}
	a.create(made)
	return made
}

func TestAFreezeHoldsACandidateAndARolloutInFlight(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	stop := a.freeze(v1alpha1.FreezeStart)
	a.Eventually(func() bool {
		var found v1alpha1.Freeze
		return server.Client.Get(t.Context(), client.ObjectKeyFromObject(stop), &found) == nil && found.Status.Active
	}, patience, glance).Should(BeTrue(), "the status tells that it is in force")
	a.hold()
	a.waitFor("frozen", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && strings.Contains(s.Frozen, "Freeze/"+a.namespace+": outage")
	})
	a.Expect(server.Client.Delete(t.Context(), stop)).To(Succeed())
	a.waitFor("a rollout", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing && s.Frozen == "" })
	a.freeze(v1alpha1.FreezePause)
	a.waitFor("paused", func(s v1alpha1.CanaryStatus) bool {
		return s.Paused != nil && s.Paused.Kind == v1alpha1.PauseFreeze && s.Phase == v1alpha1.PhaseProgressing
	})
	a.Expect(a.events("Frozen")).NotTo(BeEmpty())
	a.Expect(a.events("Unfrozen")).NotTo(BeEmpty())
}

func TestFreezesThatCannotBeMeantAreRejected(t *testing.T) {
	for name, c := range map[string]struct {
		spec  v1alpha1.FreezeSpec
		wrong string
	}{
		"a schedule without a duration": {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * * *"}, "schedule and duration belong together"},
		"a duration of no time":         {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * * *", Duration: &metav1.Duration{Duration: time.Second}}, "duration must be from 1m to 744h"},
		"four fields":                   {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * *", Duration: &metav1.Duration{Duration: time.Hour}}, "spec.schedule"},
		"a mode that is none":           {v1alpha1.FreezeSpec{Reason: "x", Mode: "Off"}, "spec.mode"},
		"no reason":                     {v1alpha1.FreezeSpec{}, "spec.reason"},
	} {
		t.Run(name, func(t *testing.T) {
			err := server.Client.Create(t.Context(), &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{GenerateName: "wrong-"}, Spec: c.spec})
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.wrong)))
		})
	}
}
