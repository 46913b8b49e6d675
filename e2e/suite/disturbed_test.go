package suite

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

// unhurried gives the specs time to act in mid-step.
var unhurried = map[string]string{"sluice.dev/interval": "8s", "sluice.dev/max-weight": "40"}

// atSecondStep brings v2 to its second step.
func atSecondStep(ctx context.Context, namespace string) *rollout {
	GinkgoHelper()
	r := begin(ctx, namespace, scene{Options: app.Options{Replicas: 2, Annotations: with(unhurried)}})
	r.setVersion(ctx, "v2")
	r.waitUntil(ctx, "step 2", inEffect(2))
	return r
}

// expectReturn expects that the weight goes to 0 and that the same step starts again, without a failed check.
func (r *rollout) expectReturn(ctx context.Context) {
	GinkgoHelper()
	r.expectEvents(ctx, "CanaryNotReady", "CanaryReturns")
	s := r.waitUntil(ctx, "step 2 again", inEffect(2))
	Expect(s.FailedChecks).To(BeZero())
	Expect(s.Open().Interrupted).To(HaveField("Times", BeEquivalentTo(1)))
	r.waitFor(ctx, v1alpha1.PhaseSucceeded)
	r.expectClean(ctx, "v2")
}

// canaryPorts are the ports of the canary's Service.
func (r *rollout) canaryPorts(ctx context.Context) (ports []int32, err error) {
	var service corev1.Service
	err = r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: "podinfo-canary"}, &service)
	for _, port := range service.Spec.Ports {
		ports = append(ports, port.Port)
	}
	return ports, err
}

var _ = Describe("A canary that others disturb under traffic", func() {
	It("returns to the same step when its pods are killed", func(ctx SpecContext) {
		r := atSecondStep(ctx, "killed")
		for _, pod := range r.canaryPods(ctx) {
			Expect(r.Client.Delete(ctx, &pod)).To(Succeed())
		}
		r.expectReturn(ctx)
	})

	It("gets its Service back when that is deleted", func(ctx SpecContext) {
		r := atSecondStep(ctx, "serviceless")
		r.kubectl(ctx, "delete", "service", "podinfo-canary")
		r.expectReturn(ctx)
	})

	It("gets no requests while a Service would send it some past the split", func(ctx SpecContext) {
		r := begin(ctx, "leaking", scene{Options: app.Options{Replicas: 2, Annotations: with(unhurried)}})
		r.kubectl(ctx, "patch", "deployment", "podinfo", "--type=json", "-p", `[
			{"op":"add","path":"/spec/template/metadata/labels/tier","value":"web"},
			{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"v2"}]`)
		r.waitUntil(ctx, "step 2", inEffect(2))
		r.kubectl(ctx, "create", "service", "clusterip", "web-metrics", "--tcp=9797:8080")
		r.kubectl(ctx, "set", "selector", "service", "web-metrics", "tier=web")
		r.waitUntil(ctx, "the weight to go", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight == 0 && s.Open().Step.Number == 0 })
		r.expectEvents(ctx, "NotReady")
		r.waitForAnswer(ctx, time.Now().Add(time.Second))
		since := time.Now()
		r.waitForAnswer(ctx, since.Add(2*time.Second))
		Expect(r.run.Report().Between(since, since.Add(2*time.Second)).Of("v2").Total()).To(BeZero())
		r.kubectl(ctx, "delete", "service", "web-metrics")
		r.expectEvents(ctx, "CanaryReturns")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})

	It("is served at the port to which its Service and its route move", func(ctx SpecContext) {
		r := atSecondStep(ctx, "moving")
		r.kubectl(ctx, "patch", "service", "podinfo", "--type=json", "-p", `[{"op":"add","path":"/spec/ports/-","value":{"name":"alt","port":81,"targetPort":8080}}]`)
		Eventually(ctx, func() ([]int32, error) { return r.canaryPorts(ctx) }, patience(), glance).Should(ContainElement(int32(81)))
		r.kubectl(ctx, "patch", "httproute", "podinfo", "--type=json", "-p", `[{"op":"replace","path":"/spec/rules/0/backendRefs/0/port","value":81}]`)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(r.kubectl(ctx, "get", "httproute", "podinfo", "-o", "jsonpath={.spec.rules[*].backendRefs[*].port}")).To(Equal("81"))
		r.expectNoFailures(ctx, "nobody")
	})

	It("runs the candidate whoever edits it", func(ctx SpecContext) {
		r := atSecondStep(ctx, "edited")
		out, err := r.Kubectl(ctx, "", "set", "env", "deployment/podinfo-canary", "VERSION=v3")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("spec.template: Deployment podinfo-canary runs the candidate of a rollout"))
		By("replicas may be changed")
		r.kubectl(ctx, "scale", "deployment", "podinfo-canary", "--replicas=3")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})
