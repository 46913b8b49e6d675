package reconciler

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// breaks reports that no replica of the primary has ever been available.
func (a *app) breaks() {
	a.t.Helper()
	a.Eventually(func() error {
		d, err := get(a, "podinfo", &appsv1.Deployment{})
		if err != nil {
			return err
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 4, UpdatedReplicas: 4, Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, LastTransitionTime: d.CreationTimestamp},
		}}
		return server.Client.Status().Update(a.t.Context(), d)
	}, patience, glance).Should(Succeed())
}

func TestAPrimaryThatServesNobodyIsChangedWithoutACanary(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.breaks()
	a.waitFor("since when", func(s v1alpha1.CanaryStatus) bool { return s.UnavailableSince != nil })
	a.hold()
	a.Eventually(func() string {
		d, err := get(a, "podinfo", &appsv1.Deployment{})
		if err != nil {
			return err.Error()
		}
		return d.Annotations[config.AnnotationLetThrough]
	}, patience, glance).ShouldNot(BeEmpty(), "admission is not asked to let the candidate through")
}

func TestAPrimaryWithReadyEndpointsServesWhateverItsStatusSays(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	slice := &discoveryv1.EndpointSlice{ObjectMeta: a.named("podinfo"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "podinfo"}
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "pod-0"}}}
	a.create(slice)
	a.breaks()
	a.hold()
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.Expect(a.canary().Status.UnavailableSince).To(BeNil())
}
