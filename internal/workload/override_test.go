package workload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestOverrideMergesIntoTheCanarysPods(t *testing.T) {
	canary := canaryOf(t, primaryNamed("podinfo"))
	want := canary.Spec.Template.DeepCopy()
	want.Labels["ring"] = "early"
	want.Spec.NodeSelector = map[string]string{"pool": "canary"}
	want.Spec.Tolerations = []corev1.Toleration{{Key: "canary", Operator: corev1.TolerationOpExists}}
	want.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
	err := Override(canary, []byte(`{"metadata":{"labels":{"ring":"early"}},"spec":{"nodeSelector":{"pool":"canary"},
		"tolerations":[{"key":"canary","operator":"Exists"}],"containers":[{"name":"app","resources":{"limits":{"memory":"1Gi"}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &canary.Spec.Template); diff != "" {
		t.Error(diff)
	}
}

func TestOverrideRefusesWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ patch, want string }{
		"nothing":                      {``, ""},
		"an identity label":            {`{"metadata":{"labels":{"app":"other"}}}`, `spec.canary.template.metadata.labels[app]: Invalid value: "other": must stay "podinfo-canary"`},
		"the role":                     {`{"metadata":{"labels":{"sluice.dev/role":null}}}`, "spec.canary.template.metadata.labels[sluice.dev/role]"},
		"all labels":                   {`{"metadata":{"labels":{"$patch":"replace","a":"b"}}}`, "spec.canary.template.metadata.labels[app]"},
		"a field that there is not":    {`{"spec":{"nodeSelectors":{"a":"b"}}}`, `spec.canary.template: must be a strategic merge patch of a pod template: unknown field "spec.nodeSelectors"`},
		"a value of another type":      {`{"spec":{"nodeSelector":["a"]}}`, "spec.canary.template: must be a strategic merge patch of a pod template"},
		"a list item without its name": {`{"spec":{"containers":[{"image":"x"}]}}`, "spec.canary.template: must be a strategic merge patch"},
		"no JSON":                      {`{`, "spec.canary.template: must be a strategic merge patch"},
		"no object":                    {`[]`, "spec.canary.template: must be a strategic merge patch"},
	} {
		t.Run(name, func(t *testing.T) {
			canary := canaryOf(t, primaryNamed("podinfo"))
			before := canary.DeepCopy()
			err := Override(canary, []byte(c.patch))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(before, canary); diff != "" {
				t.Errorf("half applied: %s", diff)
			}
		})
	}
}
