package gitops

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/e2e/testserver"
)

// engine is a GitOps tool.
type engine struct {
	// manager is its field manager.
	manager string
	// kubectl has the arguments for kubectl to apply as the tool does, without force.
	kubectl []string
	// apply applies the manifest of a new commit.
	apply func(a app, manifest string)
	// interval does what the tool does at each interval with a commit that is in the cluster. It fails the test if the tool finds
	// a difference.
	interval func(a app, moment, manifest string)
}

// story is a Deployment that an engine manages.
type story struct {
	app
	engine
	// manifest is the path of the last commit.
	manifest string
	// owned is what the engine owned before the first rollout.
	owned string
}

var serverSide = []string{"apply", "--server-side"}

// tell goes through everything that can happen in rollouts, and checks at every moment what the engine does.
func tell(t *testing.T, e engine) {
	s := &story{app: newApp(t), engine: e}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	s.owned = s.owns()
	s.is("idle", "podinfo:v1", "")

	s.commit("podinfo:v2")
	s.is("held", "podinfo:v1", "podinfo:v2")
	s.split(30)
	s.is("in flight", "podinfo:v1", "podinfo:v2")
	s.split(0)
	s.fail()
	s.is("failed", "podinfo:v1", "podinfo:v2 failed")
	s.annotateByHand("sluice.dev/retry=true")
	s.is("retried", "podinfo:v1", "podinfo:v2")
	s.split(10)
	s.annotateByHand("sluice.dev/abort=true")
	s.is("aborted", "podinfo:v1", "podinfo:v2 aborted")
	s.split(0)
	s.is("cleaned up", "podinfo:v1", "podinfo:v2 aborted")

	s.commit("podinfo:v3")
	s.split(50)
	s.is("third version in flight", "podinfo:v1", "podinfo:v3")
	s.commit("podinfo:v4")
	s.is("fourth version instead", "podinfo:v1", "podinfo:v4")
	s.promote()
	s.is("promoted", "podinfo:v4", "")
	s.split(0)
	s.settle()
	s.is("settled", "podinfo:v4", "")

	s.commit("podinfo:v5")
	s.split(30)
	s.commit("podinfo:v4")
	s.is("reverted", "podinfo:v4", "")
	s.split(0)
	s.is("reverted and cleaned up", "podinfo:v4", "")

	s.commit("podinfo:v6")
	s.promote()
	s.restore()
	s.is("promoted and restored", "podinfo:v4", "podinfo:v6 failed")
	s.commit("podinfo:v4")
	s.is("reverted after the failure", "podinfo:v4", "")
}

// commit writes an image into the manifest and lets the engine apply it.
func (s *story) commit(image string, env ...string) {
	s.T.Helper()
	s.write(image, env...)
	s.apply(s.app, s.manifest)
}

// write writes an image into the manifest.
func (s *story) write(image string, env ...string) {
	s.T.Helper()
	s.manifest = filepath.Join(s.T.TempDir(), "manifest.yaml")
	if err := os.WriteFile(s.manifest, []byte(manifest(image, env...)), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

// annotateByHand annotates as a user does with kubectl. The engine may notice that once, and must leave the result alone.
func (s *story) annotateByHand(annotation string) {
	s.T.Helper()
	s.must("kubectl", "annotate", "deployment", "podinfo", annotation)
	before := s.Deployment()
	s.apply(s.app, s.manifest)
	after := s.Deployment()
	if diff := cmp.Diff([]any{before.Annotations, before.Spec}, []any{after.Annotations, after.Spec}); diff != "" {
		s.T.Fatalf("%s by hand: the engine has changed something:\n%s", annotation, diff)
	}
}

// is checks what the Deployment has, that the engine finds no difference and changes nothing, and that it owns what it has
// always owned, so that it could apply without force.
func (s *story) is(moment, primary, held string) {
	s.T.Helper()
	s.expect(moment, primary, held)
	before := s.seen()
	s.interval(s.app, moment, s.manifest)
	if diff := cmp.Diff(before, s.seen()); diff != "" {
		s.T.Fatalf("%s: the engine has changed something:\n%s", moment, diff)
	}
	if owned := s.owns(); owned != s.owned {
		s.T.Errorf("%s: %s owns\n%s\nand owned\n%s", moment, s.manager, owned, s.owned)
	}
	s.must("kubectl", append(s.kubectl[:len(s.kubectl):len(s.kubectl)], "--dry-run=server", "--field-manager="+s.manager, "-f", s.manifest)...)
}

// seen is what an engine must leave alone.
func (s *story) seen() map[string]any {
	s.T.Helper()
	d, r := s.Deployment(), s.Route()
	return map[string]any{
		"deployment": []any{d.ResourceVersion, d.Annotations, d.Spec},
		"route":      []any{r.ResourceVersion, r.Annotations, r.Spec},
	}
}

// owns returns the fields that the engine has applied.
func (s *story) owns() string {
	s.T.Helper()
	var owned []string
	for _, object := range []client.Object{s.Deployment(), s.Route()} {
		for _, entry := range object.GetManagedFields() {
			if entry.Manager == s.manager {
				owned = append(owned, fmt.Sprint(entry.Operation, " ", entry.Subresource, entry.FieldsV1.GetRawString()))
			}
		}
	}
	if len(owned) == 0 {
		s.T.Fatalf("%s owns nothing", s.manager)
	}
	return strings.Join(owned, "\n")
}

// manifest returns a Deployment with its route. All variables have the same value.
func manifest(image string, names ...string) string {
	env := make([]string, 0, len(names))
	for _, name := range names {
		env = append(env, name+"=1")
	}
	return testserver.Manifest(image, env...) + `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: podinfo}
spec:
  parentRefs: [{name: gateway}]
  rules:
    - backendRefs: [{name: podinfo, port: 80}]
    - matches: [{path: {value: /api}}]
      backendRefs: [{name: podinfo, port: 80, weight: 7}, {name: other, port: 80, weight: 3}]
`
}
