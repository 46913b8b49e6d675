package reconciler

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// TestADeploymentThatIsOptedInLaterIsSeenAsItIs opts a Deployment in that the cache has kept without its spec until then.
func TestADeploymentThatIsOptedInLaterIsSeenAsItIs(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	before := a.canary().Status.Primary.Template
	a.annotate(corev1.LastAppliedConfigAnnotation, "{}")
	a.annotate(config.AnnotationCanary, "false")
	a.waitForPhase(v1alpha1.PhaseOptedOut)
	a.annotate(config.AnnotationCanary, "true")
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.Expect(a.canary().Status.Primary.Template).To(Equal(before))
	a.inFlight()
	canary, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(canary.Spec.Template.Spec.Containers).To(HaveLen(1))
	primary, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(metav1.HasAnnotation(primary.ObjectMeta, corev1.LastAppliedConfigAnnotation)).To(BeTrue())
}
