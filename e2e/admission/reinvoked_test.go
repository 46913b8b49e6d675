package admission

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// mutating is a MutatingAdmissionPolicy for the Deployments of one namespace. It is called again after webhooks.
const mutating = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: 'Object{spec: Object.spec{template: Object.spec.template{%[2]s}}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec:
  policyName: %[1]s
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}
`

// policy installs a MutatingAdmissionPolicy and waits until it is in force. Its change contains a word that shows.
func (c cluster) policy(change, shows string) {
	c.T.Helper()
	c.kubectl(fmt.Sprintf(mutating, c.Namespace, change), "apply", "-f", "-")
	probe := strings.NewReplacer(`{sluice.dev/canary: "true"}`, "{}", "name: podinfo", "name: probe").Replace(manifest("podinfo:v1"))
	NewWithT(c.T).Eventually(func() string {
		return c.kubectl(probe, "create", "--dry-run=server", "-f", "-", "-o", "json")
	}, patience, glance).Should(ContainSubstring(shows))
}

// template returns what the primary runs.
func (c cluster) template() workload.Template {
	c.T.Helper()
	return templateOf(c.T, c.Deployment().Spec.Template)
}

// rollsOut makes every kind of update of an opted-in Deployment, and holds that the primary runs nothing but what was live, the
// candidate, and what was live again.
func (c cluster) rollsOut() {
	c.T.Helper()
	before := c.template()
	runs := func(moment string, want workload.Template) {
		c.T.Helper()
		if got := c.template(); got.Hash() != want.Hash() {
			c.T.Fatalf("%s: the primary runs\n%v\nand not\n%v", moment, got, want)
		}
	}
	c.kubectl("", "label", "deployment", "podinfo", "team=a")
	runs("labelled", before)
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	runs("changed", before)
	candidate := c.Candidate()
	if candidate == nil || !strings.Contains(fmt.Sprint(candidate.Template), "podinfo:v2") {
		c.T.Fatalf("held back is %+v", candidate)
	}
	for _, order := range []string{config.AnnotationFail, config.AnnotationRetry, config.AnnotationAbort, config.AnnotationRetry} {
		if err := c.ask(order, c.Candidate().ID().String()); err != nil {
			c.T.Fatalf("%s: %v", order, err)
		}
		runs(order, before)
		if now := c.Candidate(); now == nil || now.Hash != candidate.Hash {
			c.T.Fatalf("%s: held back is %+v, not %s", order, now, candidate.Hash)
		}
	}
	if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
		c.T.Fatal(err)
	}
	runs("promoted", candidate.Template)
	if err := c.ask(config.AnnotationRestore, c.previous()); err != nil {
		c.T.Fatal(err)
	}
	runs("restored", before)
}

func TestAPolicyThatIsCalledAgainLocksNothing(t *testing.T) {
	for name, c := range map[string]struct{ change, shows string }{
		"an annotation": {`metadata: Object.spec.template.metadata{annotations: {"injected": "later"}}`, "injected"},
		"a variable": {`spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: "app",
          env: [Object.spec.template.spec.containers.env{name: "INJECTED", value: "later"}]}]}`, "INJECTED"},
		"a sidecar": {`spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: "proxy", image: "proxy:v1"}]}`, "proxy:v1"},
	} {
		t.Run(name, func(t *testing.T) {
			app := running(t, appliers["server-side"])
			app.policy(c.change, c.shows)
			app.rollsOut()
		})
	}
}

func TestAWebhookThatIsCalledAgainLocksNothing(t *testing.T) {
	var calls atomic.Int64
	for _, name := range []string{"aaa-earlier", "zzz-later"} {
		for what, change := range map[string]func(*corev1.PodTemplateSpec){
			"always does the same": func(template *corev1.PodTemplateSpec) {
				template.Annotations = map[string]string{"injected": "later"}
			},
			"goes by the template": labelling,
			"never does the same": func(template *corev1.PodTemplateSpec) {
				template.Annotations = map[string]string{"injected": fmt.Sprint(calls.Add(1))}
			},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				app := running(t, appliers["server-side"])
				app.neighbour(name, change)
				app.rollsOut()
				app.goesRound()
			})
		}
	}
}

// goesRound changes the template directly, opts out, and opts in again: what other webhooks make of these changes locks none
// of them.
func (c cluster) goesRound() {
	c.T.Helper()
	round := func(how workload.DirectWay, args ...string) {
		c.T.Helper()
		c.kubectl("", append([]string{"patch", "deployment", "podinfo", "--type=strategic", "-p"}, args...)...)
		template := c.template()
		directs, err := workload.DirectsOf(c.Deployment().Annotations)
		direct := directs.Last()
		if err != nil || direct == nil || direct.How != how || direct.Hash != template.KnownHash() {
			c.T.Errorf("the record of %s is %+v, %v; the template is %s", how, direct, err, template.KnownHash())
		}
	}
	change := `{"metadata":{"annotations":{%q:%q}},"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`
	until := time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	round(workload.DirectBypass, fmt.Sprintf(change, config.AnnotationBypass, until+"; outage", "podinfo:v3"))
	round(workload.DirectOptedOut, fmt.Sprintf(change, config.AnnotationCanary, "false", "podinfo:v4"))
	round(workload.DirectOptedIn, fmt.Sprintf(change, config.AnnotationCanary, "true", "podinfo:v5"))
}

func TestWhatALaterWebhookChangesIsTold(t *testing.T) {
	app := running(t, appliers["server-side"])
	app.neighbour("zzz-later", labelling)
	out := app.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	if want := "another admission webhook changed spec.template.metadata.labels.injected after Sluice's, so that was put back"; !strings.Contains(out, want) {
		t.Errorf("kubectl says %q, not %q", out, want)
	}
}
