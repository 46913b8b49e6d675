package admission

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/config"
)

// put sends a whole manifest as Argo CD does with Replace=true: with the version that is stored, and no field manager.
func (c cluster) put(text string) {
	c.T.Helper()
	var d appsv1.Deployment
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		c.T.Fatal(err)
	}
	d.Namespace, d.ResourceVersion = c.Namespace, c.Deployment().ResourceVersion
	if err := server.Client.Update(c.T.Context(), &d); err != nil {
		c.T.Fatal(err)
	}
}

// TestWholeObjectsAreReadForWhatTheySay checks the requests of real clients: a manifest states a template, whoever sends it; an
// object that was read and is written back, and a patch, state only what they change.
func TestWholeObjectsAreReadForWhatTheySay(t *testing.T) {
	for name, revert := range map[string]func(cluster){
		"Argo CD with Replace=true": func(c cluster) { c.put(manifest("podinfo:v1")) },
		"kubectl replace":           func(c cluster) { c.kubectl(manifest("podinfo:v1"), "replace", "-f", "-") },
		"kubectl replace as somebody": func(c cluster) {
			c.kubectl(manifest("podinfo:v1"), "replace", "--field-manager=argocd-controller", "-f", "-")
		},
		"kubectl replace with its record": func(c cluster) { c.kubectl(manifest("podinfo:v1"), "replace", "--save-config", "-f", "-") },
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t, appliers["client-side"])
			c.put(manifest("podinfo:v2"))
			c.expect("another manifest", "podinfo:v1", "podinfo:v2")
			c.put(manifest("podinfo:v2"))
			c.expect("the same manifest", "podinfo:v1", "podinfo:v2")
			revert(c)
			c.expect("the manifest of what runs", "podinfo:v1", "")
		})
	}
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	for name, request := range map[string]func(cluster){
		"kubectl label": func(c cluster) { c.kubectl("", "label", "deployment", "podinfo", "team=a") },
		"kubectl scale": func(c cluster) { c.kubectl("", "scale", "deployment", "podinfo", "--replicas=3") },
		"kubectl annotate removes the record": func(c cluster) {
			c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationCandidate+"-")
		},
		"a patch removes the record": func(c cluster) {
			body, _ := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{config.AnnotationCandidate: nil}}})
			if err := server.Client.Patch(c.T.Context(), c.Deployment(), client.RawPatch(types.MergePatchType, body)); err != nil {
				c.T.Fatal(err)
			}
		},
		"a program labels what it has read": func(c cluster) {
			d := c.Deployment()
			d.Labels = map[string]string{"program": "x"}
			if err := server.Client.Update(c.T.Context(), d); err != nil {
				c.T.Fatal(err)
			}
		},
		"a program writes without a version what it has read": func(c cluster) {
			d := c.Deployment()
			d.Labels, d.ResourceVersion = map[string]string{"program": "y"}, ""
			if err := server.Client.Update(c.T.Context(), d); err != nil {
				c.T.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := c.in(t)
			request(c)
			c.expect(name, "podinfo:v1", "podinfo:v2")
		})
	}
}
