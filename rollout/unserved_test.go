package rollout_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// listening gives the primary a named port, and the templates that are set from now on another one.
func listening(w *world) {
	port := func(name string) func(*corev1.PodTemplateSpec) {
		return func(pod *corev1.PodTemplateSpec) {
			pod.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: name, ContainerPort: 8080}}
		}
	}
	port("http")(&w.primary.Spec.Template)
	w.service.Spec.Ports[0].TargetPort = intstr.FromString("http")
	w.shape = port("web")
	w.react()
}

// aiming points the Service at another container port.
func aiming(port string) func(*world) {
	return func(w *world) {
		w.tell("the Service goes to port %s", port)
		w.service.Spec.Ports[0].TargetPort = intstr.FromString(port)
		w.unserved = port == "web"
	}
}

// labelling adds a label to the templates that are set from now on, and to the selector of the Service.
func labelling(w *world) {
	w.shape = func(pod *corev1.PodTemplateSpec) {
		pod.Labels = maps.Clone(pod.Labels)
		pod.Labels["component"] = "web"
	}
	w.service.Spec.Selector = map[string]string{"app": "podinfo", "component": "web"}
	w.unserved = true
}

var unservedStories = map[string]story{
	"a template and the selector of its Service change in one apply": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, func(w *world) { labelling(w); w.set("v2") }}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a template and the port of its Service change in one apply": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: listening,
		acts:  []act{{immediately, func(w *world) { aiming("web")(w); w.set("v2") }}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the port of the Service follows in mid-step": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: listening,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), aiming("web")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the port of the Service is changed back in time": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: listening,
		acts:  []act{{immediately, func(w *world) { aiming("web")(w); w.set("v2") }}, {atStep(1), aiming("http")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a bad version whose Service was changed with it": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing}, prepare: listening,
		acts:  []act{{immediately, func(w *world) { aiming("web")(w); w.set("v2") }}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a freeze holds a candidate that should get all requests": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: listening,
		acts: []act{{immediately, freezing(v1alpha1.FreezeStart)}, {immediately, func(w *world) { aiming("web")(w); w.set("v2") }},
			{after(2 * time.Minute), unfreezing}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the analysis of a candidate that should get all requests is skipped on request": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10m"}, behaviours: map[string]behaviour{"v2": good}, prepare: listening,
		acts: []act{{immediately, func(w *world) { aiming("web")(w); w.set("v2") }},
			{after(10 * time.Second), promoting("v2", true)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

func TestTheConditionSaysWhoIsNotServed(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": failing}})
	listening(w)
	served := func() *metav1.Condition {
		return meta.FindStatusCondition(w.state.Conditions, v1alpha1.ConditionServed)
	}
	w.tick()
	aiming("web")(w)
	w.set("v2")
	w.tick()
	if c := served(); c == nil || !strings.Contains(c.Message, "port 80 of Service podinfo goes to container port web, which the candidate has and the primary does not") ||
		!strings.Contains(c.Message, "kubectl edit service podinfo -n test") || !strings.Contains(c.Message, "kubectl sluice promote podinfo -n test --skip-analysis") {
		t.Errorf("in flight: %+v", c)
	}
	w.runs(t, inPhase(v1alpha1.PhaseFailed))
	if c := served(); c == nil || !strings.Contains(c.Message, "kubectl sluice retry podinfo -n test") {
		t.Errorf("after the rollback: %+v", c)
	}
	aiming("http")(w)
	w.tick()
	if c := served(); c != nil {
		t.Errorf("served again: %+v", c)
	}
}

// TestOnlyACertainMissGivesTheCanaryAllRequests looks at ports that the candidate declares.
func TestOnlyACertainMissGivesTheCanaryAllRequests(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	declared := func(name string, number int32) []corev1.ContainerPort {
		return []corev1.ContainerPort{{Name: name, ContainerPort: number}}
	}
	for name, c := range map[string]struct {
		target   intstr.IntOrString
		primary  []corev1.ContainerPort
		init     corev1.Container // of the primary
		warns    string
		takesAll bool
	}{
		"a number that the primary does not declare": {target: intstr.FromInt32(9090), primary: declared("http", 8080), warns: "if the primary does not listen on it either"},
		"a number without declared ports":            {target: intstr.FromInt32(9090)},
		"a name that the primary does not declare":   {target: intstr.FromString("web"), primary: declared("http", 8080), warns: "so no request", takesAll: true},
		"a name without declared ports":              {target: intstr.FromString("web"), warns: "so no request", takesAll: true},
		"a name that a sidecar declares":             {target: intstr.FromString("web"), primary: declared("http", 8080), init: corev1.Container{Ports: declared("web", 9090), RestartPolicy: &always}},
		"a name that an init container declares":     {target: intstr.FromString("web"), init: corev1.Container{Ports: declared("web", 9090)}, warns: "so no request", takesAll: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			w.primary.Spec.Template.Spec.Containers[0].Ports = c.primary
			w.primary.Spec.Template.Spec.InitContainers = []corev1.Container{c.init}
			w.service.Spec.Ports[0].TargetPort = c.target
			w.shape = func(pod *corev1.PodTemplateSpec) { pod.Spec.Containers[0].Ports = declared("web", 9090) }
			w.tick()
			w.set("v2")
			p, _ := w.tick()
			if steps := p.Next.Plan.Steps; len(steps) == 0 || (len(steps) == 1) != c.takesAll {
				t.Errorf("the steps are %v", steps)
			}
			served := meta.FindStatusCondition(p.Next.Conditions, v1alpha1.ConditionServed)
			if (served != nil) != (c.warns != "") || served != nil && !strings.Contains(served.Message, c.warns) {
				t.Errorf("says %v, not %q", served, c.warns)
			}
		})
	}
}
