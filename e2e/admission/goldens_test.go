package admission

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/internal/route"
)

// golden is a rendered route of package route, as an object to write.
type golden struct {
	t        *testing.T
	rendered *unstructured.Unstructured
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{t: t, rendered: &unstructured.Unstructured{}}
	if err := g.rendered.UnmarshalJSON(asJSON); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: g.rendered.GetNamespace()}}
	if err := server.Client.Create(t.Context(), namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	return g
}

func (g golden) route(object *unstructured.Unstructured) route.Route {
	g.t.Helper()
	r, err := route.FromObject(object.Object)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// plain is the user's manifest.
func (g golden) plain() *unstructured.Unstructured {
	g.t.Helper()
	object := g.rendered.DeepCopy()
	if err := route.Plain(g.route(g.rendered)).Into(object.Object); err != nil {
		g.t.Fatal(err)
	}
	return object
}

// state writes annotations as the reconciler does.
func (g golden) state(object *unstructured.Unstructured, annotations map[string]string) {
	g.t.Helper()
	base := object.DeepCopy()
	object.SetAnnotations(annotations)
	if err := server.Reconciler.Patch(g.t.Context(), object, client.MergeFrom(base)); err != nil {
		g.t.Fatal(err)
	}
}

// TestTheAPIServerTakesEveryRenderedRoute sends each golden route of package route through the real CRDs, strictly, and through
// admission. The result is the golden route. It stays the same when the user applies the original manifest again, and ends as
// the user's route.
func TestTheAPIServerTakesEveryRenderedRoute(t *testing.T) {
	paths, err := filepath.Glob("../../internal/route/testdata/*.golden.yaml")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d golden routes: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			g := readGolden(t, path)
			dry := g.rendered.DeepCopy()
			if err := server.Reconciler.Create(t.Context(), dry, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
				t.Fatal(err)
			}
			if ok, reason := route.IsRendered(g.route(dry)); !ok {
				t.Errorf("the API server's defaults change it: %s %s", reason, cmp.Diff(g.rendered.Object["spec"], dry.Object["spec"]))
			}
			stored := g.plain()
			if err := server.Client.Create(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Client.Delete(t.Context(), stored) }()
			user := g.route(stored)
			g.state(stored, g.rendered.GetAnnotations())
			if diff := cmp.Diff(g.route(dry).Rules, g.route(stored).Rules); diff != "" {
				t.Errorf("admission renders it otherwise (-golden +got): %s", diff)
			}
			applied := g.plain()
			applied.SetAnnotations(nil)
			if err := server.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("flux"), client.ForceOwnership); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.route(dry).Rules, g.route(applied).Rules); diff != "" {
				t.Errorf("the user's manifest changes it (-golden +got): %s", diff)
			}
			g.state(applied, nil)
			if diff := cmp.Diff(user.Rules, g.route(applied).Rules); diff != "" {
				t.Errorf("the end is not the user's: %s", diff)
			}
		})
	}
}
