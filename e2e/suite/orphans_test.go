package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

// stages are phases of a rollout that last long enough for an action in them, and how to reach them.
var stages = []struct {
	name        string
	annotations map[string]string
	change      []string
	then        []string
	holds       func(v1alpha1.CanaryStatus) bool
}{
	{"the canary starts", nil, []string{"VERSION=v2", "READY_AFTER=1m"}, nil, moments[0].holds},
	{"the first step is in effect", nil, []string{"VERSION=v2"}, nil, moments[1].holds},
	{"the primary is promoted", map[string]string{"sluice.dev/skip-analysis": "true"}, []string{"VERSION=v2", "READY_AFTER=15s"}, nil, moments[3].holds},
	{"it is rolled back", nil, []string{"VERSION=v2"}, []string{"annotate", "deployment", "podinfo", "sluice.dev/abort=true"}, moments[4].holds},
}

// removals are what users do in the middle of a rollout.
var removals = []struct {
	name string
	args []string
}{
	{"optout", []string{"annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false"}},
	{"deployment", []string{"delete", "deployment", "podinfo"}},
	{"canary", []string{"delete", "canary", "podinfo"}},
	{"copy", []string{"delete", "deployment", "podinfo-canary"}},
	{"service", []string{"delete", "service", "podinfo"}},
	{"route", []string{"delete", "httproute", "podinfo"}},
	{"namespace", []string{"delete", "namespace", "$NAMESPACE"}},
}

// These take longest, so they come first. Otherwise one process would still run one of them while the others are idle.
var _ = Describe("Whatever is taken away", SpecPriority(1), func() {
	for number, stage := range stages {
		It("leaves no orphan and no changed route when "+stage.name, func(ctx SpecContext) {
			var group sync.WaitGroup
			for _, removal := range removals {
				group.Go(func() {
					defer GinkgoRecover()
					r := small(ctx, fmt.Sprintf("gone-%d-%s", number, removal.name), with(stage.annotations))
					r.kubectl(ctx, append([]string{"set", "env", "deployment/podinfo"}, stage.change...)...)
					if stage.then != nil {
						r.waitUntil(ctx, "step 1", moments[1].holds)
						r.kubectl(ctx, stage.then...)
					}
					r.waitUntil(ctx, stage.name, stage.holds)
					Eventually(ctx, func() (*appsv1.Deployment, error) { return r.Deployment(ctx, "podinfo-canary") }, patience(), glance).ShouldNot(BeNil())
					By(fmt.Sprintf("%s: kubectl %v", r.Namespace, removal.args))
					r.take(ctx, removal.args)
					r.expectNoOrphan(ctx)
				})
			}
			group.Wait()
		})
	}
})

// small deploys v1 with one replica and without traffic, so that many can run at once.
func small(ctx context.Context, namespace string, annotations map[string]string) *rollout {
	GinkgoHelper()
	a, err := app.Connect(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	Expect(a.Delete(ctx)).To(Succeed())
	r := &rollout{App: a}
	DeferCleanup(func(ctx SpecContext) {
		r.kubectl(ctx, "delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
	})
	Expect(a.Deploy(ctx, app.Options{Replicas: 1, Annotations: annotations, Env: []string{"DRAIN=0s"}})).To(Succeed())
	r.waitFor(ctx, v1alpha1.PhaseInitialized)
	r.routes = r.userRoutes(ctx)
	return r
}

func (r *rollout) take(ctx context.Context, args []string) {
	GinkgoHelper()
	var words []string
	for _, word := range args {
		if word == "$NAMESPACE" {
			word = r.Namespace
		}
		words = append(words, word)
	}
	r.kubectl(ctx, words...)
}

// expectNoOrphan ends what still runs after something was removed. It expects that nothing of Sluice is left, that the route is
// the user's and that the primary serves.
func (r *rollout) expectNoOrphan(ctx context.Context) {
	GinkgoHelper()
	primary, err := r.Deployment(ctx, app.Name)
	Expect(err).NotTo(HaveOccurred())
	if primary != nil && primary.Annotations["sluice.dev/canary"] == "true" {
		out, err := r.Kubectl(ctx, "", "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false")
		Expect(err == nil || isGone(out)).To(BeTrue(), out)
	}
	Eventually(ctx, func(g Gomega) {
		var canaries v1alpha1.CanaryList
		var deployments appsv1.DeploymentList
		var services corev1.ServiceList
		labels := client.MatchingLabels{"sluice.dev/role": "canary"}
		g.Expect(r.Client.List(ctx, &canaries, client.InNamespace(r.Namespace))).To(Succeed())
		// The Canary of a Deployment that was opted out stays for its history.
		g.Expect(slices.DeleteFunc(canaries.Items, func(c v1alpha1.Canary) bool { return c.Status.Phase == v1alpha1.PhaseOptedOut })).To(BeEmpty())
		g.Expect(r.Client.List(ctx, &deployments, client.InNamespace(r.Namespace), labels)).To(Succeed())
		g.Expect(deployments.Items).To(BeEmpty())
		g.Expect(r.Client.List(ctx, &services, client.InNamespace(r.Namespace), labels)).To(Succeed())
		g.Expect(services.Items).To(BeEmpty())
		g.Expect(r.userRoutes(ctx)).To(Or(Equal(r.routes), BeEmpty()))
	}, patience(), glance).Should(Succeed(), r.Namespace)
}

// isGone reports whether kubectl found nothing to change. A deleted namespace includes its objects.
func isGone(out string) bool {
	for _, word := range []string{"not found", "NotFound", "being terminated"} {
		if strings.Contains(out, word) {
			return true
		}
	}
	return false
}
