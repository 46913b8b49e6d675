package reconciler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// chained is another Deployment of the namespace, with a Service and a route of the same name. The route's parent is the
// Service, as for traffic inside the cluster.
func (a *app) chained(name string) *app {
	a.t.Helper()
	pods := map[string]string{"app": name}
	deployment := &appsv1.Deployment{ObjectMeta: a.named(name), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: name + ":v1"}}}},
	}}
	deployment.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGuard: "false", config.AnnotationInterval: "1s", config.AnnotationMetrics: "app"}
	r := &gatewayv1.HTTPRoute{ObjectMeta: a.named(name)}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Group: ptr.To(gatewayv1.Group("")), Kind: ptr.To(gatewayv1.Kind("Service")), Name: gatewayv1.ObjectName(name)}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = gatewayv1.ObjectName(name), ptr.To(gatewayv1.PortNumber(80))
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	for _, object := range []client.Object{
		&corev1.Service{ObjectMeta: a.named(name), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}}, r, deployment,
	} {
		a.create(object)
	}
	return a
}

// change edits the annotations of a Deployment in place of admission.
func (a *app) change(name string, annotations map[string]string) {
	a.t.Helper()
	a.Eventually(func() error {
		d, err := get(a, name, &appsv1.Deployment{})
		if err != nil {
			return err
		}
		for key, value := range annotations {
			d.Annotations[key] = value
			if value == "" {
				delete(d.Annotations, key)
			}
		}
		return server.Client.Update(a.t.Context(), d)
	}, patience, glance).Should(Succeed())
}

// holdNext holds the second version of a Deployment back.
func (a *app) holdNext(name string) {
	a.t.Helper()
	template, err := workload.TemplateOf(corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: name + ":v2"}}}})
	a.Expect(err).NotTo(HaveOccurred())
	text, err := workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}.Encode()
	a.Expect(err).NotTo(HaveOccurred())
	a.change(name, map[string]string{config.AnnotationCandidate: text})
}

func (a *app) status(name string) v1alpha1.CanaryStatus {
	found, err := get(a, name, &v1alpha1.Canary{})
	if err != nil {
		return v1alpha1.CanaryStatus{}
	}
	return found.Status
}

func (a *app) eventually(what, name string, holds func(v1alpha1.CanaryStatus) bool) {
	a.t.Helper()
	a.Eventually(func() bool { return holds(a.status(name)) }, patience, glance).Should(BeTrue(), func() string {
		return fmt.Sprintf("%s: %s; it is %+v", name, what, a.status(name))
	})
}

func initializedNow(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseInitialized }

// cohortsOf returns where a route sends marked requests.
func (a *app) cohortsOf(name string) []string {
	found := a.route(name)
	if found == nil {
		return nil
	}
	cohorts, _ := route.CohortsOf(found.Annotations)
	var to []string
	for _, cohort := range cohorts {
		to = append(to, fmt.Sprintf("%s: %s => %s", cohort.Header, cohort.Value, cohort.To))
	}
	return to
}

// newChain is the application main, which calls secondary.
func newChain(t *testing.T) *app {
	a := newApp(t)
	a.chained("main").chained("secondary")
	t.Cleanup(server.PlayControllers(a.namespace))
	a.change("main", map[string]string{config.AnnotationCohort: "secondary"})
	for _, name := range []string{"main", "secondary"} {
		a.eventually("initialized", name, initializedNow)
	}
	return a
}

func TestACohortKeepsAChainOfCanariesTogether(t *testing.T) {
	t.Parallel()
	a := newChain(t)
	long := map[string]string{config.AnnotationInterval: "1h"}
	a.change("main", long)
	a.change("secondary", long)
	a.holdNext("main")
	a.eventually("in its first step", "main", observed.Checked)
	split := route.SplitFor(route.FromHTTP(a.route("main")), client.ObjectKey{Namespace: a.namespace, Name: "main"})
	a.Expect(split.Mark).To(Equal(&route.Header{Name: "x-sluice-canary", Value: "main"}))
	a.Expect(a.cohortsOf("secondary")).To(BeEmpty(), "there is no canary of secondary yet")
	a.Expect(a.status("main").Cohort).To(Equal([]v1alpha1.CohortStatus{{Service: "secondary", Target: "secondary-canary", Waiting: "Service secondary-canary does not exist"}}))

	a.holdNext("secondary")
	a.eventually("in its first step", "secondary", observed.Checked)
	a.Eventually(func() []string { return a.cohortsOf("secondary") }, patience, glance).Should(Equal([]string{"x-sluice-canary: main => secondary-canary"}))
	// Without admission the rules are written after the annotation.
	var rules []gatewayv1.HTTPRouteRule
	a.Eventually(func() []gatewayv1.HTTPRouteRule { rules = a.route("secondary").Spec.Rules; return rules }, patience, glance).Should(HaveLen(2))
	a.Expect(rules[0].Matches[0].Headers[0].Value).To(Equal("main"))
	a.Expect(rules[0].BackendRefs).To(HaveLen(1))
	a.Expect(rules[0].BackendRefs[0].Name).To(BeEquivalentTo("secondary-canary"), "all marked requests go to the canary")
	a.Expect(rules[1].BackendRefs).To(HaveLen(2), "all others are split")
	a.eventually("the cohort is told", "main", func(s v1alpha1.CanaryStatus) bool {
		return len(s.Cohort) == 1 && s.Cohort[0].Waiting == "" && len(s.Cohort[0].Routes) == 1
	})

	a.change("secondary", map[string]string{config.AnnotationCandidate: ""})
	a.eventually("taken back", "secondary", initializedNow)
	a.Expect(a.cohortsOf("secondary")).To(BeEmpty(), "no marked request goes to a canary that is gone")
	a.eventually("waiting again", "main", func(s v1alpha1.CanaryStatus) bool { return len(s.Cohort) == 1 && s.Cohort[0].Waiting != "" })
}

func TestMarkedRequestsNeverGoToAServiceThatIsNotThere(t *testing.T) {
	t.Parallel()
	a := newChain(t)
	for _, name := range []string{"main", "secondary"} {
		a.change(name, map[string]string{config.AnnotationInterval: "1h"})
	}
	watched := make(chan string, 1)
	stop := make(chan struct{})
	go func() { watched <- a.watchMarked(stop) }()
	for range 2 {
		for _, name := range []string{"main", "secondary"} {
			a.holdNext(name)
		}
		for _, name := range []string{"main", "secondary"} {
			a.eventually("its canary serves", name, observed.Checked)
			a.change(name, map[string]string{config.AnnotationCandidate: ""})
			a.eventually("taken back", name, initializedNow)
		}
	}
	close(stop)
	a.Expect(<-watched).To(BeEmpty())
	for _, name := range []string{"main", "secondary"} {
		a.Eventually(func() int { return len(a.route(name).Spec.Rules) }, patience, glance).Should(Equal(1))
		a.Expect(a.route(name).Annotations).To(BeEmpty())
	}
}

// watchMarked reports when a route sent marked requests to a Service that did not exist.
func (a *app) watchMarked(stop chan struct{}) string {
	for {
		select {
		case <-stop:
			return ""
		case <-time.After(5 * time.Millisecond):
		}
		if len(a.cohortsOf("secondary")) == 0 {
			continue
		}
		// A cohort that is there both before and after the Service is looked up was there all the time.
		if _, err := get(a, "secondary-canary", &corev1.Service{}); err != nil && len(a.cohortsOf("secondary")) > 0 {
			return "secondary sends marked requests to secondary-canary, which does not exist"
		}
	}
}

func TestATargetOfItsOwnGetsTheMarkedRequestsWhileItExists(t *testing.T) {
	t.Parallel()
	a := newChain(t)
	a.change("main", map[string]string{config.AnnotationCohort: "secondary=secondary-next", config.AnnotationInterval: "1h"})
	a.holdNext("main")
	a.eventually("in its first step", "main", observed.Checked)
	next := &corev1.Service{ObjectMeta: a.named("secondary-next"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "next"}, Ports: []corev1.ServicePort{{Port: 80}}}}
	a.create(next)
	a.Eventually(func() []string { return a.cohortsOf("secondary") }, patience, glance).Should(Equal([]string{"x-sluice-canary: main => secondary-next"}))
	a.Expect(server.Client.Delete(t.Context(), next)).To(Succeed())
	a.Eventually(func() []string { return a.cohortsOf("secondary") }, patience, glance).Should(BeEmpty())
	a.create(&corev1.Service{ObjectMeta: a.named("secondary-next"), Spec: next.Spec})
	a.Eventually(func() []string { return a.cohortsOf("secondary") }, patience, glance).Should(HaveLen(1))
	a.change("main", map[string]string{config.AnnotationCanary: ""})
	a.Eventually(func() []string { return a.cohortsOf("secondary") }, patience, glance).Should(BeEmpty(), "opting out forgets the cohort")
	a.eventually("opted out", "main", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseOptedOut })
}

func TestARouteOfAnotherNamespaceIsGrantedTheCanary(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.create(other)
	here := &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}
	r := a.route("podinfo")
	a.Expect(server.Client.Delete(t.Context(), here)).To(Succeed())
	r.ObjectMeta = metav1.ObjectMeta{Namespace: other.Name, Name: "podinfo"}
	namespace := gatewayv1.Namespace(a.namespace)
	r.Spec.ParentRefs[0].Namespace, r.Spec.Rules[0].BackendRefs[0].Namespace = &namespace, &namespace
	a.create(r)
	only := gatewayv1.ObjectName("podinfo")
	a.create(&gatewayv1.ReferenceGrant{ObjectMeta: a.named("podinfo"), Spec: gatewayv1.ReferenceGrantSpec{
		From: []gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(other.Name)}},
		To:   []gatewayv1.ReferenceGrantTo{{Kind: "Service", Name: &only}},
	}})
	for _, played := range []string{a.namespace, other.Name} {
		t.Cleanup(server.PlayControllers(played))
	}
	a.waitFor("its route", func(s v1alpha1.CanaryStatus) bool {
		return initializedNow(s) && s.Target != nil && strings.Contains(strings.Join(s.Target.Routes, " "), other.Name)
	})
	a.annotate(config.AnnotationInterval, "1h")
	a.hold()
	a.waitFor("the first step in effect", observed.Checked)
	granted, err := get(a, "podinfo-canary", &gatewayv1.ReferenceGrant{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(granted.Spec.From).To(Equal([]gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(other.Name)}}))
	a.Expect(*granted.Spec.To[0].Name).To(BeEquivalentTo("podinfo-canary"))
	a.annotate(config.AnnotationCandidate, "")
	a.waitForPhase(v1alpha1.PhaseInitialized)
	_, err = get(a, "podinfo-canary", &gatewayv1.ReferenceGrant{})
	a.Expect(client.IgnoreNotFound(err)).NotTo(HaveOccurred())
	a.Expect(err).To(HaveOccurred(), "the grant goes with the canary")
}
