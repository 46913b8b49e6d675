package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// GenerateIntent is what should be made beside the user's objects, or brought back to what it was made as. It has no split: that
// is stated and rendered apart from it.
type GenerateIntent struct {
	// Objects to apply: Services and HTTPRoutes, with apiVersion and kind.
	Objects []*unstructured.Unstructured
	// LetGo are those that the policy no longer asks for: they become the user's, as they are.
	LetGo []GeneratedKey
	// Grants are to be made in other namespaces, after those of Ungrant were deleted.
	Grants  []*gatewayv1.ReferenceGrant
	Ungrant []gatewayv1.ReferenceGrant
}

// String is what is written, each after a comma; empty for nothing.
func (g GenerateIntent) String() string {
	var b strings.Builder
	for _, made := range g.Objects {
		fmt.Fprintf(&b, ", apply %s %s", made.GetKind(), made.GetName())
	}
	for _, made := range g.LetGo {
		fmt.Fprintf(&b, ", let go of %s", made)
	}
	for _, grant := range g.Ungrant {
		fmt.Fprintf(&b, ", delete %s", GrantKeyOf(&grant))
	}
	for _, grant := range g.Grants {
		fmt.Fprintf(&b, ", make %s", GrantKeyOf(grant))
	}
	return b.String()
}

// GeneratedKey names a generated object.
type GeneratedKey struct{ Kind, Name string }

// String is how the object is called.
func (k GeneratedKey) String() string { return k.Kind + " " + k.Name }

// Applied is what became of applying a generated object.
type Applied struct {
	// Hash of what was applied, and when.
	Hash string
	At   time.Time
	// Refused says why the API server did not take it, or that it did not keep it, and what to do; empty when all is well.
	Refused string
}

const (
	// applyAgain is how long what was refused is left alone: the cluster's CRDs or policies may have changed by then.
	applyAgain = 5 * time.Minute
	// repairAgain keeps another controller that changes the same field from making this one write without end.
	repairAgain = 10 * time.Second
)

// wantedService is the Service that the policy has made, nil where the user has one or none is asked for. The problem says what
// keeps it from being made.
func wantedService(policy config.Policy, o Observation) (made *corev1.Service, problem string) {
	if policy.Generated == nil || policy.Generated.Port == nil {
		return nil, ""
	}
	name := policy.Service
	if name == "" {
		name = o.Name
	}
	at := slices.IndexFunc(o.Services, func(s corev1.Service) bool { return s.Name == name })
	isOurs := at >= 0 && workload.GeneratedFor(o.Services[at].Labels, o.Name)
	fits := func(s corev1.Service) bool { return policy.Service == "" || s.Name == policy.Service }
	if !isOurs && slices.ContainsFunc(workload.ServicesOf(o.Primary, o.Services), fits) {
		return nil, ""
	}
	switch {
	case at >= 0 && !isOurs:
		return nil, fmt.Sprintf("Service %s exists but does not select the pods of Deployment %s and was not created by sluice: correct its selector, "+
			"or set service.name to another name", name, o.Name)
	case len(validation.IsDNS1035Label(name)) > 0:
		return nil, fmt.Sprintf("no Service can be named %s: set service.name to at most 63 lower-case letters, digits and hyphens that start with a letter", name)
	}
	return workload.MakeService(name, o.Primary, *policy.Generated), ""
}

// wantedRoute is the HTTPRoute that the policy has made for a Service, nil where the user has a route or none is asked for.
func wantedRoute(policy config.Policy, o Observation, service corev1.Service) (made *gatewayv1.HTTPRoute, problem string) {
	if policy.Generated == nil || len(policy.Generated.GatewayRefs) == 0 {
		return nil, ""
	}
	var port int32
	switch {
	case policy.Generated.Port != nil:
		port = *policy.Generated.Port
	case len(service.Spec.Ports) > 0:
		port = service.Spec.Ports[0].Port
	}
	made, errs := route.Generate(o.Namespace, service.Name, port, *policy.Generated)
	if err := errs.ToAggregate(); err != nil {
		return nil, fmt.Sprintf("no route can be created from the policy: %v", err)
	}
	own := route.Key{Kind: route.HTTP, Namespace: o.Namespace, Name: made.Name}
	isOurs := func(r route.Route) bool { return generated(o, r) }
	if len(sendingTo(policy, o, service.Name)) > 0 && !slices.ContainsFunc(o.Routes, isOurs) {
		return nil, ""
	}
	if slices.ContainsFunc(o.Routes, func(r route.Route) bool { return r.Key() == own && !isOurs(r) }) {
		return nil, fmt.Sprintf("HTTPRoute %s exists but does not send to Service %s and was not created by sluice: add the Service to its backendRefs, "+
			"or set service.routeName to another name", made.Name, service.Name)
	}
	return made, ""
}

// generated reports whether sluice has generated a route for the Deployment.
func generated(o Observation, r route.Route) bool {
	return r.Kind == route.HTTP && r.Namespace == o.Namespace && workload.GeneratedFor(r.Labels, o.Name)
}

// generate plans what the policy has made, and repairs it where it was changed. Nothing of it changes without an opt-in or
// while the policy cannot be used.
func generate(t *tick) {
	if !t.o.optedIn() || t.o.DeletedAt != nil || t.o.Primary.DeletionTimestamp != nil || t.o.Invalid != "" || t.o.PolicyProblem != "" {
		return
	}
	service, refused := wantedService(t.policy, t.o)
	if service != nil {
		planObject(t, service, "v1", "Service", t.keepsService)
	}
	var made *gatewayv1.HTTPRoute
	if t.target.Service.Name != "" {
		var problem string
		if made, problem = wantedRoute(t.policy, t.o, t.target.Service); made != nil {
			planObject(t, made, gatewayv1.GroupVersion.String(), route.HTTP, t.keepsRoute)
		}
		refused += problem
	}
	if refused == "" {
		letGoOfGenerated(t, service, made)
		planGrants(t, made)
	}
}

// keepsFunc reports whether the object exists and still says all that was generated.
type keepsFunc func(generated *unstructured.Unstructured) bool

func planObject(t *tick, object runtime.Object, version, kind string, keeps keepsFunc) {
	made := t.marked(object, version, kind)
	hash, last := made.GetAnnotations()[config.AnnotationGenerated], t.o.Applied[GeneratedKey{Kind: kind, Name: made.GetName()}]
	if keeps(made) {
		return
	}
	pause := repairAgain
	if last.Refused != "" {
		pause = applyAgain
	}
	if left := last.At.Add(pause).Sub(t.o.Now); last.Hash == hash && left > 0 {
		wakeIn(t, left)
		return
	}
	t.plan.Generate.Objects = append(t.plan.Generate.Objects, made)
}

// marked is the object as it is applied: as JSON, with its hash, its owner and our labels.
func (f Facts) marked(object runtime.Object, version, kind string) *unstructured.Unstructured {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		panic(err) // the types of the API can always be encoded
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	made := &unstructured.Unstructured{Object: content}
	made.SetAPIVersion(version)
	made.SetKind(kind)
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	sum := sha256.Sum256(text)
	workload.MarkGenerated(made, f.o.Primary, hex.EncodeToString(sum[:6]))
	return made
}

func (f Facts) keepsService(made *unstructured.Unstructured) bool {
	at := slices.IndexFunc(f.o.Services, func(s corev1.Service) bool { return s.Name == made.GetName() })
	if at == -1 {
		return false
	}
	current, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&f.o.Services[at])
	return err == nil && route.Covers(current["spec"], made.Object["spec"]) && coversMetadata(current, made)
}

// coversMetadata compares labels and annotations; owners only matter when objects are deleted.
func coversMetadata(current map[string]any, made *unstructured.Unstructured) bool {
	metadata, _ := current["metadata"].(map[string]any)
	wanted, _ := made.Object["metadata"].(map[string]any)
	return route.Covers(metadata["labels"], wanted["labels"]) && route.Covers(metadata["annotations"], wanted["annotations"])
}

func (f Facts) keepsRoute(made *unstructured.Unstructured) bool {
	wanted, err := route.FromObject(made.Object)
	if err != nil {
		return false
	}
	at := slices.IndexFunc(f.o.Routes, func(r route.Route) bool { return r.Key() == wanted.Key() })
	return at >= 0 && route.Keeps(f.o.Routes[at], wanted)
}

// letGoOfGenerated gives to the user what the policy no longer asks for.
func letGoOfGenerated(t *tick, service *corev1.Service, made *gatewayv1.HTTPRoute) {
	for _, s := range t.o.Services {
		if workload.GeneratedFor(s.Labels, t.o.Name) && (service == nil || service.Name != s.Name) {
			t.plan.Generate.LetGo = append(t.plan.Generate.LetGo, GeneratedKey{Kind: "Service", Name: s.Name})
		}
	}
	// Without a Service nothing is known of its routes.
	for _, r := range t.o.Routes {
		if t.target.Service.Name != "" && generated(t.o, r) && (made == nil || made.Name != r.Name) {
			t.plan.Generate.LetGo = append(t.plan.Generate.LetGo, GeneratedKey{Kind: route.HTTP, Name: r.Name})
		}
	}
}
