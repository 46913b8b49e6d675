package gitops

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/e2e/testserver"
)

// helm is Helm with additional options, for a chart that is the manifest.
func helm(options ...string) engine {
	upgrade := func(a app, manifest string) {
		a.T.Helper()
		content, err := os.ReadFile(manifest)
		if err != nil {
			a.T.Fatal(err)
		}
		a.must("helm", append([]string{"upgrade", "--install", "podinfo", chart(a.T, string(content))}, options...)...)
	}
	return engine{
		manager:  "helm",
		kubectl:  serverSide,
		apply:    upgrade,
		interval: func(a app, _, manifest string) { a.T.Helper(); upgrade(a, manifest) },
	}
}

// chart writes a chart with one template.
func chart(t *testing.T, template string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"Chart.yaml":              "apiVersion: v2\nname: podinfo\nversion: 1.0.0\n",
		"templates/manifest.yaml": template,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHelm(t *testing.T) {
	tell(t, helm("--server-side=true"))
}

// helmApp is a release of a chart whose value image is the image.
func helmApp(t *testing.T, images ...string) (a app, upgrade func(image string, more ...string)) {
	t.Helper()
	a = newApp(t)
	dir := chart(t, manifest("{{ .Values.image }}"))
	upgrade = func(image string, more ...string) {
		t.Helper()
		a.must("helm", append([]string{"upgrade", "--install", "podinfo", dir, "--set", "image=" + image}, more...)...)
	}
	for i, image := range images {
		upgrade(image)
		if i == 0 {
			a.MakeAvailable()
			continue
		}
		a.promote()
		a.settle()
	}
	return a, upgrade
}

func TestHelmRollback(t *testing.T) {
	a, upgrade := helmApp(t, "podinfo:v1", "podinfo:v2")
	upgrade("podinfo:v3")
	a.expect("revision 3", "podinfo:v2", "podinfo:v3")
	a.must("helm", "rollback", "podinfo", "2")
	a.expect("rolled back to the primary's revision", "podinfo:v2", "")
	a.must("helm", "rollback", "podinfo", "1")
	a.expect("rolled back to an older revision", "podinfo:v2", "podinfo:v1")
	a.must("helm", "rollback", "podinfo", "3")
	a.expect("rolled back to another one", "podinfo:v2", "podinfo:v3")
	a.fail()
	a.must("helm", "rollback", "podinfo", "2")
	a.expect("rolled back after the failure", "podinfo:v2", "")
	a.must("helm", "uninstall", "podinfo")
	for _, object := range []client.Object{&appsv1.Deployment{}, &gatewayv1.HTTPRoute{}} {
		err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: a.Namespace, Name: "podinfo"}, object)
		if !apierrors.IsNotFound(err) {
			t.Errorf("%T is still there after helm uninstall: %v", object, err)
		}
	}
}

func TestHelmWaitReturnsWhileTheCandidateIsInFlight(t *testing.T) {
	a, upgrade := helmApp(t, "podinfo:v1")
	stop := a.controller()
	defer stop()
	upgrade("podinfo:v2", "--wait", "--timeout=5m")
	a.expect("upgraded", "podinfo:v1", "podinfo:v2")
	a.must("helm", "rollback", "podinfo", "1", "--wait", "--timeout=5m")
	a.expect("rolled back", "podinfo:v1", "")
}

// controller observes every generation of the Deployment as completely rolled out, as the Deployment controller does if the
// template has not changed.
func (a app) controller() (stop func()) {
	a.T.Helper()
	watch, err := server.Client.Watch(a.T.Context(), &appsv1.DeploymentList{}, client.InNamespace(a.Namespace))
	if err != nil {
		a.T.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range watch.ResultChan() {
			d, ok := event.Object.(*appsv1.Deployment)
			if !ok || d.Status.ObservedGeneration == d.Generation {
				continue
			}
			d.Status = testserver.RolledOut(d.Generation, 1)
			// A conflict means that a newer event follows.
			if err := server.Client.Status().Update(a.T.Context(), d); err != nil && !apierrors.IsConflict(err) {
				a.T.Errorf("update the status: %v", err)
			}
		}
	}()
	return func() { watch.Stop(); <-ended }
}

// Helm 3 sends three-way merge patches, and Helm 4 does with --server-side=false: the difference between the manifests of two
// revisions and the live object, which has the primary's template.
func TestHelmWithPatches(t *testing.T) {
	a, upgrade := helmApp(t)
	patches := func(image string) {
		t.Helper()
		upgrade(image, "--server-side=false")
	}
	patches("podinfo:v1")
	a.MakeAvailable()
	patches("podinfo:v2")
	a.expect("upgraded", "podinfo:v1", "podinfo:v2")
	a.split(30)
	before, route := a.Deployment(), a.Route()
	patches("podinfo:v2")
	if diff := cmp.Diff(before.Annotations, a.Deployment().Annotations); diff != "" {
		t.Errorf("the same upgrade again has changed something:\n%s", diff)
	}
	if diff := cmp.Diff([]any{route.Annotations, route.Spec}, []any{a.Route().Annotations, a.Route().Spec}); diff != "" {
		t.Errorf("the same upgrade again has changed the route:\n%s", diff)
	}
	patches("podinfo:v3")
	a.expect("third version", "podinfo:v1", "podinfo:v3")
	a.fail()
	patches("podinfo:v3")
	a.expect("the same upgrade after the failure", "podinfo:v1", "podinfo:v3 failed")
	patches("podinfo:v4")
	a.promote()
	a.settle()
	a.expect("promoted", "podinfo:v4", "")
	a.must("helm", "rollback", "podinfo", "1", "--server-side=false")
	a.expect("rolled back to an older revision", "podinfo:v4", "podinfo:v1")
}

// The patch to the primary's own revision is empty. Helm sends nothing, so admission cannot see anything.
func TestHelmWithPatchesCannotTakeAVersionBack(t *testing.T) {
	a, upgrade := helmApp(t)
	upgrade("podinfo:v1", "--server-side=false")
	a.MakeAvailable()
	upgrade("podinfo:v2", "--server-side=false")
	before := a.Deployment().ResourceVersion
	a.must("helm", "rollback", "podinfo", "1", "--server-side=false")
	a.expect("rolled back to the primary's revision", "podinfo:v1", "podinfo:v2")
	if after := a.Deployment().ResourceVersion; after != before {
		t.Errorf("helm has sent something: resource version %s is now %s", before, after)
	}
	a.must("kubectl", "annotate", "deployment", "podinfo", "sluice.dev/abort=true")
	a.expect("aborted", "podinfo:v1", "podinfo:v2 aborted")
}

func TestHelmGoesOverToServerSideApplyInFlight(t *testing.T) {
	a, upgrade := helmApp(t)
	upgrade("podinfo:v1", "--server-side=false")
	a.MakeAvailable()
	upgrade("podinfo:v2", "--server-side=false")
	before := a.Candidate()
	upgrade("podinfo:v2", "--server-side=true")
	a.expect("upgraded server-side", "podinfo:v1", "podinfo:v2")
	if after := a.Candidate(); after.Hash != before.Hash || !after.At.Equal(before.At) {
		t.Errorf("the candidate was asked for again: %v, %v", before, after)
	}
	a.must("helm", "rollback", "podinfo", "1", "--server-side=true")
	a.expect("rolled back to the primary's revision", "podinfo:v1", "")
}

// Helm does not request a removal twice. After a failure, when a difference is read from the primary, the same upgrade
// therefore requests something else.
func TestHelmWithPatchesAfterAFailureStartsFromThePrimary(t *testing.T) {
	s := &story{app: newApp(t), engine: helm("--server-side=false")}
	s.commit("podinfo:v1", "A")
	s.MakeAvailable()
	s.commit("podinfo:v2", "B")
	s.commit("podinfo:v2", "B")
	s.expect("the same upgrade in flight", "podinfo:v1 A", "podinfo:v2 B")
	s.fail()
	s.commit("podinfo:v2", "B")
	s.expect("the same upgrade after the failure", "podinfo:v1 A", "podinfo:v2 B A")
	s.fail()
	s.must("helm", "rollback", "podinfo", "1", "--server-side=false")
	s.expect("rolled back after the failure", "podinfo:v1 A", "podinfo:v2 B A failed")
}
