package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

const (
	pageOfMoving = "../../docs/how-to/migrating-from-flagger.md"
	// shop is the namespace of the page.
	shop = "shop"
)

// step is a command of the page with the heading above it and its output.
type step struct {
	heading, command string
	prints           []string
}

// stepsOf returns the commands of a page, in order.
func stepsOf(t *testing.T, page string) []step {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	heading, inside := "", false
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside && strings.HasPrefix(line, "#"):
			heading = strings.TrimLeft(line, "# ")
		case inside && isCommand:
			steps = append(steps, step{heading: heading, command: command})
		case inside:
			last := &steps[len(steps)-1]
			last.prints = append(last.prints, line)
		}
	}
	return steps
}

// matches checks the output of a command. HASH is any hash, and … is the rest of the line or, alone on a line, any number of
// lines.
func (s step) matches(output string) bool {
	var b strings.Builder
	for _, line := range s.prints {
		if line == "…" {
			b.WriteString("(?s:.*)")
			continue
		}
		b.WriteString(strings.NewReplacer("HASH", "[0-9a-f]{8}", "…", ".*").Replace(regexp.QuoteMeta(line)) + "\n")
	}
	return regexp.MustCompile("^" + b.String() + "$").MatchString(output)
}

// move is an app of Flagger in the namespace of the page.
type move struct {
	t   *testing.T
	dir string

	mutex sync.Mutex
	// outages are the moments at which a backend had no ready pods.
	outages []string
}

// newMove creates the objects as Flagger leaves them. The given rules precede the app's own.
func newMove(t *testing.T, rules string) *move {
	t.Helper()
	m := &move{t: t, dir: t.TempDir()}
	manifest(t, m, "flagger-crds.yaml", nil)
	if err := server.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shop}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	m.must("kubectl wait --for=condition=Established crd/canaries.flagger.app crd/metrictemplates.flagger.app crd/alertproviders.flagger.app")
	m.must("kubectl config set-context --current --namespace=" + shop)
	manifest(t, m, "flagger-canary.yaml", nil)
	owner := fmt.Sprintf("{apiVersion: flagger.app/v1beta1, kind: Canary, name: podinfo, uid: %s, controller: true, blockOwnerDeletion: true}", m.canary().GetUID())
	manifest(t, m, "flagger-objects.yaml", strings.NewReplacer("[OWNER]", "["+owner+"]", "  RULES\n", rules))
	stop := server.PlayControllers(shop)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); cancel(); m.clear() })
	m.waitReady()
	go m.collect(ctx)
	return m
}

func manifest(t *testing.T, m *move, name string, replace *strings.Replacer) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if replace != nil {
		text = replace.Replace(text)
	}
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.must("kubectl apply --server-side -f " + name)
}

func (m *move) must(command string) {
	m.t.Helper()
	if out, err := shell(m.t, m.dir, command); err != nil {
		m.t.Fatalf("$ %s\n%s", command, out)
	}
}

var canaryKind = schema.GroupVersionKind{Group: "flagger.app", Version: "v1beta1", Kind: "Canary"}

// canary is Flagger's. It has no UID if it is gone.
func (m *move) canary() *unstructured.Unstructured {
	canary := &unstructured.Unstructured{}
	canary.SetGroupVersionKind(canaryKind)
	if err := server.Client.Get(context.Background(), client.ObjectKey{Namespace: shop, Name: "podinfo"}, canary); err != nil {
		canary.SetUID("")
	}
	return canary
}

// waitReady waits for Flagger's copy to serve.
func (m *move) waitReady() {
	m.t.Helper()
	err := wait.PollUntilContextTimeout(m.t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return outage(ctx) == nil, nil
	})
	if err != nil {
		m.t.Fatal(outage(m.t.Context()))
	}
}

// lasting is an outage that was there all the time of a look. What a look reads first may have changed before it reads the rest.
func lasting(ctx context.Context) error {
	err := outage(ctx)
	for before := ""; err != nil && ctx.Err() == nil; err = outage(ctx) {
		now := writes(ctx)
		if now == before {
			break
		}
		before = now
	}
	return err
}

// writes tells states of what outage reads apart.
func writes(ctx context.Context) string {
	var versions []string
	for _, list := range []client.ObjectList{&gatewayv1.HTTPRouteList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{}} {
		_ = server.Client.List(ctx, list, client.InNamespace(shop))
		for _, object := range objectsOf(list) {
			versions = append(versions, object.GetName()+" "+object.GetResourceVersion())
		}
	}
	return strings.Join(versions, ", ")
}

// outage says which backend with a weight has no ready pods, or nothing if all have. The Service podinfo counts too, because
// clients in the cluster call it.
func outage(ctx context.Context) error {
	var route gatewayv1.HTTPRoute
	if err := server.Client.Get(ctx, client.ObjectKey{Namespace: shop, Name: "podinfo"}, &route); err != nil {
		return err
	}
	services := []string{"podinfo"}
	for _, rule := range route.Spec.Rules {
		for _, ref := range rule.BackendRefs {
			if ref.Weight == nil || *ref.Weight > 0 {
				services = append(services, string(ref.Name))
			}
		}
	}
	var problems []error
	for _, service := range services {
		problems = append(problems, without(ctx, service))
	}
	return errors.Join(problems...)
}

// without says why a Service reaches no ready pods. Nil if it does.
func without(ctx context.Context, name string) error {
	var service corev1.Service
	if err := server.Client.Get(ctx, client.ObjectKey{Namespace: shop, Name: name}, &service); err != nil {
		return err
	}
	var deployments appsv1.DeploymentList
	if err := server.Client.List(ctx, &deployments, client.InNamespace(shop)); err != nil {
		return err
	}
	for _, d := range deployments.Items {
		selected := labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels))
		if selected && *d.Spec.Replicas >= 3 && d.Status.ReadyReplicas >= 3 {
			return nil
		}
	}
	return fmt.Errorf("Service %s reaches no Deployment with 3 ready replicas", name)
}

// collect does the work of the garbage collector and looks for outages until it is stopped. A write that loses a race is
// repeated in the next round.
func (m *move) collect(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		canary := m.canary()
		finalizers := canary.GetFinalizers()
		orphans := len(finalizers) == 1 && finalizers[0] == metav1.FinalizerOrphanDependents
		if canary.GetUID() == "" || canary.GetDeletionTimestamp() != nil && orphans {
			done := true
			for _, owned := range ownedByFlagger(ctx) {
				done = letGo(ctx, owned, orphans) == nil && done
			}
			if done && orphans {
				canary.SetFinalizers(nil)
				_ = server.Client.Update(ctx, canary)
			}
		}
		if err := lasting(ctx); err != nil && ctx.Err() == nil {
			m.mutex.Lock()
			m.outages = append(m.outages, err.Error())
			m.mutex.Unlock()
		}
		return false, nil
	})
}

// letGo removes the owner from an object, or deletes the object with its owner.
func letGo(ctx context.Context, owned client.Object, orphans bool) error {
	if !orphans {
		return server.Client.Delete(ctx, owned)
	}
	owned.SetOwnerReferences(nil)
	return server.Client.Update(ctx, owned)
}

// ownedByFlagger returns the objects that name the Canary as their owner.
func ownedByFlagger(ctx context.Context) []client.Object {
	var owned []client.Object
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &corev1.ServiceList{}, &gatewayv1.HTTPRouteList{}, &autoscalingv2.HorizontalPodAutoscalerList{}} {
		_ = server.Client.List(ctx, list, client.InNamespace(shop))
		for _, object := range objectsOf(list) {
			if owner := metav1.GetControllerOf(object); owner != nil && owner.APIVersion == canaryKind.GroupVersion().String() {
				owned = append(owned, object)
			}
		}
	}
	return owned
}

func objectsOf(list client.ObjectList) (objects []client.Object) {
	switch all := list.(type) {
	case *appsv1.DeploymentList:
		for i := range all.Items {
			objects = append(objects, &all.Items[i])
		}
	case *corev1.ServiceList:
		for i := range all.Items {
			objects = append(objects, &all.Items[i])
		}
	case *gatewayv1.HTTPRouteList:
		for i := range all.Items {
			objects = append(objects, &all.Items[i])
		}
	case *autoscalingv2.HorizontalPodAutoscalerList:
		for i := range all.Items {
			objects = append(objects, &all.Items[i])
		}
	}
	return objects
}

// clear removes everything that a test has created, except the kinds.
func (m *move) clear() {
	ctx := context.Background()
	for _, kind := range []client.Object{&appsv1.Deployment{}, &gatewayv1.HTTPRoute{}, &autoscalingv2.HorizontalPodAutoscaler{}, &v1alpha1.CanaryPolicy{}} {
		_ = server.Client.DeleteAllOf(ctx, kind, client.InNamespace(shop))
	}
	for _, name := range []string{"podinfo", "podinfo-primary", "podinfo-canary"} {
		_ = server.Client.Delete(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name}})
	}
	if canary := m.canary(); canary.GetUID() != "" {
		canary.SetFinalizers(nil)
		_ = server.Client.Update(ctx, canary)
		_ = server.Client.Delete(ctx, canary)
	}
}

func (m *move) seen() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.outages
}

const ruleOfTest = "  - matches: [{headers: [{name: x-canary, value: insider}]}]\n    backendRefs: [{name: podinfo-primary, port: 9898, weight: 100}, {name: podinfo-canary, port: 9898, weight: 0}]\n"

// TestThePageOfMovingAlwaysHasReadyPodsBehindTheRoute runs the page. It sends no requests, but checks where they would go.
func TestThePageOfMovingAlwaysHasReadyPodsBehindTheRoute(t *testing.T) {
	for name, rules := range map[string]string{"one rule": "", "several rules": ruleOfTest + ruleOfTest} {
		t.Run(name, func(t *testing.T) {
			m := newMove(t, rules)
			all := stepsOf(t, pageOfMoving)
			if len(all) < 15 {
				t.Fatalf("only %d commands were found", len(all))
			}
			for _, step := range all {
				times := 1
				if step.heading == "Several rules" {
					times = strings.Count(rules, "matches")
				}
				for range times {
					m.follow(step)
				}
			}
			m.isMoved()
		})
	}
}

// follow runs one step and checks all the time that ready pods are behind the route.
func (m *move) follow(s step) {
	m.t.Helper()
	out, _ := shell(m.t, m.dir, s.command) // a command that fails says so
	if !s.matches(out) {
		m.t.Fatalf("%s: $ %s\nprints\n%sand not\n%s", s.heading, s.command, out, strings.Join(s.prints, "\n"))
	}
	if err := outage(m.t.Context()); err != nil {
		m.t.Fatalf("%s: after $ %s\n%v", s.heading, s.command, err)
	}
	if seen := m.seen(); len(seen) > 0 {
		m.t.Fatalf("%s: during $ %s\n%s", s.heading, s.command, strings.Join(seen, "\n"))
	}
}

// isMoved checks what is left: all objects of the user, without owners, and none of Flagger's.
func (m *move) isMoved() {
	ctx := m.t.Context()
	if owned := ownedByFlagger(ctx); len(owned) > 0 || m.canary().GetUID() != "" {
		m.t.Errorf("%d objects are still Flagger's", len(owned))
	}
	for _, name := range []string{"podinfo-primary", "podinfo-canary"} {
		for _, object := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}} {
			if err := server.Client.Get(ctx, client.ObjectKey{Namespace: shop, Name: name}, object); !apierrors.IsNotFound(err) {
				m.t.Errorf("%T %s is still there: %v", object, name, err)
			}
		}
	}
	for _, object := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &gatewayv1.HTTPRoute{}} {
		if err := server.Client.Get(ctx, client.ObjectKey{Namespace: shop, Name: "podinfo"}, object); err != nil || len(object.GetOwnerReferences()) > 0 {
			m.t.Errorf("%T: owners %v, %v", object, object.GetOwnerReferences(), err)
		}
		for key := range object.GetAnnotations() {
			if strings.Contains(key, "fluxcd.io") {
				m.t.Errorf("%T still has the annotation %s", object, key)
			}
		}
	}
}

// TestAnOutageIsSeen checks that the tests above can fail: a user who deletes the Canary first loses the app.
func TestAnOutageIsSeen(t *testing.T) {
	for name, commands := range map[string][]string{
		"the Canary is deleted at once":                           {`kubectl patch canary.flagger.app podinfo --type=merge -p '{"metadata":{"finalizers":null}}'`, "kubectl delete canary.flagger.app podinfo"},
		"the Service is pointed at the Deployment before it runs": {`kubectl patch service podinfo --type=merge -p '{"spec":{"selector":{"app":"podinfo"}}}'`},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMove(t, "")
			for _, command := range commands {
				m.must(command)
			}
			err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
				return len(m.seen()) > 0, nil
			})
			if err != nil {
				t.Error("nothing was seen")
			}
		})
	}
}
