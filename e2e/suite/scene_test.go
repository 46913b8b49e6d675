package suite

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// scene is the start of a spec: the sample application, objects around it, and its requests.
type scene struct {
	app.Options
	manifests []string
	requests  traffic.Options
	// quiet sends no requests.
	quiet bool
}

// rollout is the sample application under traffic.
type rollout struct {
	*app.App
	run *traffic.Run
	// routes are the routes as the user wrote them.
	routes map[string]userRoute
}

// userRoute is the part of a route that a user writes.
type userRoute struct {
	annotations, labels map[string]string
	spec                any
}

// given deploys v1 with settings and sends traffic until the test ends. Then everything is removed.
func given(ctx context.Context, namespace string, annotations map[string]string, strategy string) *rollout {
	GinkgoHelper()
	return begin(ctx, namespace, scene{Options: app.Options{Replicas: 2, Annotations: annotations, Strategy: strategy}})
}

// begin sets up a scene and waits until a rollout could begin.
func begin(ctx context.Context, namespace string, s scene) *rollout {
	GinkgoHelper()
	a, err := app.Connect(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	Expect(a.Delete(ctx)).To(Succeed())
	r := &rollout{App: a}
	DeferCleanup(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			r.explain(ctx)
		}
		// The next spec need not wait for the removal. A spec that uses the namespace again does.
		r.kubectl(ctx, "delete", "namespace", r.Namespace, r.Namespace+"-edge", "--ignore-not-found", "--wait=false")
	})
	By("v1 runs, opted in")
	Expect(a.Deploy(ctx, s.Options, s.manifests...)).To(Succeed())
	r.kubectl(ctx, "wait", "deployments", "--all", "--for=condition=Available", timeout())
	r.waitFor(ctx, v1alpha1.PhaseInitialized)
	r.routes = r.userRoutes(ctx)
	if s.quiet {
		return r
	}
	for _, target := range append(s.requests.Also, traffic.Target{URL: app.GatewayURL, Host: r.Host()}) {
		waitForGateway(ctx, target)
	}
	if s.requests.Rate == 0 {
		s.requests.Rate = rate
	}
	r.run, err = a.Visit(context.WithoutCancel(ctx), s.requests)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		report := r.run.Stop()
		within := func(share float64) time.Duration { return report.Latency(share).Round(time.Millisecond) }
		GinkgoWriter.Printf("requests: %s, half of them within %s, 99%% within %s, all within %s\n", report, within(0.5), within(0.99), within(1))
	})
	r.waitForTraffic(ctx, "v1")
	return r
}

// waitForGateway waits until the gateway serves a target, a moment after it has accepted the route.
func waitForGateway(ctx context.Context, target traffic.Target) {
	GinkgoHelper()
	Eventually(ctx, func() (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL, nil)
		if err != nil {
			return 0, err
		}
		request.Host, request.Header = target.Host, target.Header.Clone()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode, nil
	}, patience(), glance).Should(Equal(http.StatusOK), "the gateway serves "+target.Host)
}

// explain prints what a person would look at.
func (r *rollout) explain(ctx context.Context) {
	for _, args := range [][]string{
		{"get", "deployments,pods,canaries", "-o", "wide"},
		{"get", "events", "--sort-by=.metadata.creationTimestamp"},
		{"get", "httproutes,grpcroutes", "-o", "yaml"},
		{"logs", "-n", "sluice-system", "-l", "app.kubernetes.io/name=sluice", "--tail=60"},
	} {
		out, _ := r.Kubectl(ctx, "", args...)
		GinkgoWriter.Println(out)
	}
}

// userRoutes returns the routes of the application, including that of RemoteRoute, by kind, namespace and name.
func (r *rollout) userRoutes(ctx context.Context) map[string]userRoute {
	GinkgoHelper()
	found := map[string]userRoute{}
	add := func(kind string, o client.Object, spec any) {
		found[kind+"/"+o.GetNamespace()+"/"+o.GetName()] = userRoute{o.GetAnnotations(), o.GetLabels(), spec}
	}
	for _, namespace := range []string{r.Namespace, r.Namespace + "-edge"} {
		var https gatewayv1.HTTPRouteList
		var grpcs gatewayv1.GRPCRouteList
		for _, list := range []client.ObjectList{&https, &grpcs} {
			Expect(r.Client.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		}
		for _, route := range https.Items {
			add("HTTPRoute", &route, route.Spec)
		}
		for _, route := range grpcs.Items {
			add("GRPCRoute", &route, route.Spec)
		}
	}
	return found
}

// expectRoutesAsBefore expects that spec, annotations and labels of every route are as the user wrote them.
func (r *rollout) expectRoutesAsBefore(ctx context.Context) {
	GinkgoHelper()
	Eventually(ctx, func() map[string]userRoute { return r.userRoutes(ctx) }, patience(), glance).Should(Equal(r.routes))
}
