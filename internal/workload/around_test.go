package workload

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"
)

func TestWhichChangesAroundATemplateAreDue(t *testing.T) {
	const held = `{"replicas":{"from":4,"to":2},"strategy":{"from":{"type":"RollingUpdate"},"to":{"type":"Recreate"}},"minReadySeconds":{"from":null,"to":5}}`
	for name, c := range map[string]struct {
		spec map[string]any
		want []string
	}{
		"all":                              {map[string]any{"replicas": int64(4), "strategy": map[string]any{"type": "RollingUpdate"}}, []string{"spec.minReadySeconds", "spec.replicas", "spec.strategy"}},
		"somebody has scaled":              {map[string]any{"replicas": int64(9), "strategy": map[string]any{"type": "RollingUpdate"}}, []string{"spec.minReadySeconds", "spec.strategy"}},
		"how it rolls changes as a whole":  {map[string]any{"replicas": int64(4), "strategy": map[string]any{"type": "RollingUpdate"}, "minReadySeconds": int64(1)}, []string{"spec.replicas"}},
		"a field that went away is no nil": {map[string]any{"replicas": int64(4)}, []string{"spec.replicas"}},
	} {
		t.Run(name, func(t *testing.T) {
			var around Around
			if err := json.Unmarshal([]byte(held), &around); err != nil {
				t.Fatal(err)
			}
			due := around.Due(c.spec)
			if diff := cmp.Diff(c.want, due.Names()); diff != "" {
				t.Error(diff)
			}
			before := map[string]any{}
			for key, value := range c.spec {
				before[key] = value
			}
			due.Put(c.spec)
			due.Undone().Due(c.spec).Put(c.spec)
			if diff := cmp.Diff(before, c.spec); diff != "" {
				t.Errorf("put in and taken back: %s", diff)
			}
		})
	}
}

func TestOnlyFieldsThatCanBeHeldAreRead(t *testing.T) {
	var around Around
	for _, forged := range []string{`{"selector":{"from":null,"to":{}}}`, `{"replicas":5}`, `[]`} {
		if err := json.Unmarshal([]byte(forged), &around); err == nil {
			t.Errorf("%s is read as %v", forged, around)
		}
	}
}

func TestADeploymentWithChangesAroundItsTemplate(t *testing.T) {
	deployment := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](4), MinReadySeconds: 3}}
	changed := Around{"replicas": {From: int64(4), To: int64(2)}, "minReadySeconds": {From: int64(3)}}.In(deployment)
	if *changed.Spec.Replicas != 2 || changed.Spec.MinReadySeconds != 0 || *deployment.Spec.Replicas != 4 {
		t.Errorf("got %v of %v", changed.Spec, deployment.Spec)
	}
	if (Around{}).In(deployment) != deployment {
		t.Error("nothing changes, and the Deployment is copied")
	}
}
