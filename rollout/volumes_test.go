package rollout_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/target"
)

// claiming is a pod that mounts claims.
func claiming(claims ...string) corev1.PodTemplateSpec {
	template := templateFor("v2")
	for _, claim := range claims {
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}})
	}
	return template
}

func TestVolumesThatOnePodAtATimeMayUseAreToldBefore(t *testing.T) {
	modes := map[string][]corev1.PersistentVolumeAccessMode{"pod": {corev1.ReadWriteOncePod}, "node": {corev1.ReadWriteOnce},
		"many": {corev1.ReadWriteMany}, "either": {corev1.ReadWriteOnce, corev1.ReadWriteMany}}
	for name, c := range map[string]struct {
		claims   []string
		override string
		there    bool
		problem  string
		oneNode  []string
	}{
		"none":                             {},
		"for one pod":                      {claims: []string{"pod"}, problem: "the candidate mounts PersistentVolumeClaim pod, which one pod at a time may use"},
		"for one pod, and the copy exists": {claims: []string{"pod"}, there: true},
		"for one pod, and another for the canary": {claims: []string{"pod"},
			override: `{"spec":{"volumes":[{"name":"pod","persistentVolumeClaim":null,"emptyDir":{}}]}}`},
		"for one node":             {claims: []string{"node", "many"}, oneNode: []string{"node"}},
		"for many":                 {claims: []string{"many", "either"}},
		"which nobody may look at": {claims: []string{"unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, policy: func(p *config.Policy) { p.Canary.Template = []byte(c.override) }})
			w.set("v2")
			o := w.observe()
			template, err := workload.TemplateOf(claiming(c.claims...))
			if err != nil {
				t.Fatal(err)
			}
			o.Candidate.Template, o.Claims = template, modes
			if c.there {
				o.CanaryDeployment = w.primary.DeepCopy()
			}
			found, problem := target.Discover(w.policy, o)
			if !strings.HasPrefix(problem, c.problem) || problem != "" && c.problem == "" {
				t.Errorf("the problem is %q, want %q", problem, c.problem)
			}
			if !slices.Equal(found.OneNode, c.oneNode) {
				t.Errorf("on one node: %v, want %v", found.OneNode, c.oneNode)
			}
		})
	}
}

var pendingStories = map[string]story{
	"a canary that stays pending says why": {
		annotations: minute, behaviours: map[string]behaviour{"v2": {neverReady: true}},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.canary != nil }, func(w *world) {
			w.podProblem = "FailedScheduling: 0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}"
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}
