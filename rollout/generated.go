package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

const (
	// applyAgain is how long a rejected object is left alone. By then the cluster's CRDs or policies may have changed.
	applyAgain = 5 * time.Minute
	// repairAgain limits how often this controller restores a field that another controller keeps changing.
	repairAgain = 10 * time.Second
)

// generate plans the Service and the route that the policy asks for, and restores them if they were changed. It changes
// nothing while the Deployment is not opted in or the policy cannot be used.
func generate(t *tick) {
	if !t.o.OptedIn() || t.o.DeletedAt != nil || t.o.Primary.DeletionTimestamp != nil || t.o.Invalid != "" || t.o.PolicyProblem != "" {
		return
	}
	service, refused := target.WantedService(t.policy, t.o)
	if service != nil {
		planObject(t, service, "v1", "Service", t.keepsService)
	}
	var made *gatewayv1.HTTPRoute
	if t.target.Service.Name != "" {
		var problem string
		if made, problem = target.WantedRoute(t.policy, t.o, t.target.Service); made != nil {
			planObject(t, made, gatewayv1.GroupVersion.String(), route.HTTP, t.keepsRoute)
		}
		refused += problem
	}
	if refused == "" {
		letGoOfGenerated(t, service, made)
		planGrants(t, made)
	}
}

// keepsFunc reports whether the object exists and still has everything that was generated.
type keepsFunc func(generated *unstructured.Unstructured) bool

func planObject(t *tick, object runtime.Object, version, kind string, keeps keepsFunc) {
	made := t.marked(object, version, kind)
	hash, last := made.GetAnnotations()[config.AnnotationGenerated], t.o.Applied[observed.GeneratedKey{Kind: kind, Name: made.GetName()}]
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

// marked is the object in the form in which it is applied: as JSON, with its hash, its owner and our labels.
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

// coversMetadata compares labels and annotations. Owners matter only when objects are deleted.
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

// letGoOfGenerated gives the user the objects that the policy no longer asks for.
func letGoOfGenerated(t *tick, service *corev1.Service, made *gatewayv1.HTTPRoute) {
	for _, s := range t.o.Services {
		if workload.GeneratedFor(s.Labels, t.o.Name) && (service == nil || service.Name != s.Name) {
			t.plan.Generate.LetGo = append(t.plan.Generate.LetGo, observed.GeneratedKey{Kind: "Service", Name: s.Name})
		}
	}
	// Without a Service its routes are unknown.
	for _, r := range t.o.Routes {
		if t.target.Service.Name != "" && target.IsGenerated(t.o, r) && (made == nil || made.Name != r.Name) {
			t.plan.Generate.LetGo = append(t.plan.Generate.LetGo, observed.GeneratedKey{Kind: route.HTTP, Name: r.Name})
		}
	}
}
