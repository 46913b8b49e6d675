package admission

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/admission"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// appliers are the two ways of kubectl apply.
var appliers = map[string][]string{
	"client-side": {"apply", "-f", "-"},
	"server-side": {"apply", "--server-side", "-f", "-"},
}

func (c cluster) expect(moment, primary, held string) {
	c.T.Helper()
	if got := c.primary(); got != primary {
		c.T.Fatalf("%s: the primary has %q, not %q", moment, got, primary)
	}
	if got := c.held(); got != held {
		c.T.Fatalf("%s: held back is %q, not %q", moment, got, held)
	}
}

// running creates an opted-in Deployment that serves v1.
func running(t *testing.T, apply []string, env ...string) cluster {
	t.Helper()
	c := newCluster(t)
	c.kubectl(manifest("podinfo:v1", env...), apply...)
	c.MakeAvailable()
	return c
}

func TestSettingsByWhichNoRolloutCouldStartAreWarnedOf(t *testing.T) {
	c := running(t, appliers["client-side"])
	const warning = "Warning: podinfo: no rollout can start unless ClusterCanaryPolicy/default adds what is missing: metadata.annotations[sluice.dev/step-weight]"
	if out := c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationStepWeight+"=0"); !strings.Contains(out, warning) {
		t.Errorf("got %s, which does not say %q", out, warning)
	}
	if out := c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationIterations+"=3"); strings.Contains(out, "Warning") {
		t.Errorf("got %s", out)
	}
}

func TestAppliesAreReadAsIfTheCandidateWereLive(t *testing.T) {
	for name, apply := range appliers {
		t.Run(name, func(t *testing.T) {
			c := running(t, apply, "A=1")
			v2, v3 := manifest("podinfo:v2", "B=2"), manifest("podinfo:v3", "B=2", "C=3")
			warning := c.kubectl(v2, apply...)
			if !strings.Contains(warning, "Warning: podinfo: "+admission.HeldBack+" "+workload.Short(c.Candidate().Hash)+",") {
				t.Errorf("kubectl does not print what happened: %s", warning)
			}
			c.expect("v2 applied", "podinfo:v1 A=1", "podinfo:v2 B=2")
			before := c.Candidate()
			c.kubectl(v2, apply...)
			c.kubectl(v2, apply...)
			c.expect("v2 applied again", "podinfo:v1 A=1", "podinfo:v2 B=2")
			if after := c.Candidate(); after.Hash != before.Hash || !after.At.Equal(before.At) {
				t.Errorf("applying the same manifest again changed the candidate: %v, %v", before, after)
			}
			c.kubectl(v3, apply...)
			c.expect("v3 applied", "podinfo:v1 A=1", "podinfo:v3 B=2 C=3")
			if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
				t.Fatal(err)
			}
			c.expect("v3 promoted", "podinfo:v3 B=2 C=3", "")
			c.kubectl(v3, apply...)
			c.expect("v3 applied again", "podinfo:v3 B=2 C=3", "")
			c.kubectl(manifest("podinfo:v4"), apply...)
			c.expect("v4 applied", "podinfo:v3 B=2 C=3", "podinfo:v4")
			out := c.kubectl(v3, apply...)
			c.expect("v3 applied while v4 is in flight", "podinfo:v3 B=2 C=3", "")
			if !strings.Contains(out, "taken back") {
				t.Errorf("kubectl does not say that v4 is taken back: %s", out)
			}
		})
	}
}

func TestKubectlVerbs(t *testing.T) {
	for name, verb := range map[string][]string{
		"set image":         {"set", "image", "deployment/podinfo", "app=podinfo:v2"},
		"edit":              {"edit", "deployment", "podinfo"},
		"patch (strategic)": {"patch", "deployment", "podinfo", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v2"}]}}}}`},
		"patch (JSON)":      {"patch", "deployment", "podinfo", "--type=json", "-p", `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"podinfo:v2"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t, appliers["client-side"], "A=1")
			c.kubectl("", verb...)
			c.expect(name, "podinfo:v1 A=1", "podinfo:v2 A=1")
			c.kubectl("", "set", "env", "deployment/podinfo", "B=2")
			c.expect("set env while in flight", "podinfo:v1 A=1", "podinfo:v2 A=1 B=2")
			c.kubectl("", "scale", "deployment/podinfo", "--replicas=3")
			c.expect("scale", "podinfo:v1 A=1", "podinfo:v2 A=1 B=2")
			if *c.Deployment().Spec.Replicas != 3 {
				t.Error("scale did not go through")
			}
		})
	}
}

func TestReplaceKeepsTheCandidate(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	c.kubectl(manifest("podinfo:v3"), "replace", "-f", "-")
	c.expect("replace without the annotation", "podinfo:v1", "podinfo:v3")
	c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationCandidate+"-")
	c.expect("annotation removed", "podinfo:v1", "podinfo:v3")
}

func TestMarksAreKept(t *testing.T) {
	apply := appliers["server-side"]
	c := running(t, apply)
	c.kubectl(manifest("podinfo:v2"), apply...)
	if err := c.ask(config.AnnotationFail, c.Candidate().ID().String()); err != nil {
		t.Fatal(err)
	}
	c.expect("marked", "podinfo:v1", "podinfo:v2 failed")
	c.kubectl(manifest("podinfo:v2"), apply...)
	c.expect("the same manifest applied for ever", "podinfo:v1", "podinfo:v2 failed")
	c.kubectl("", "label", "deployment", "podinfo", "team=a")
	c.expect("another field changed", "podinfo:v1", "podinfo:v2 failed")
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/retry=true")
	c.expect("retry", "podinfo:v1", "podinfo:v2")
	if c.Candidate().Attempt != 1 {
		t.Errorf("the attempt is %d, not 1", c.Candidate().Attempt)
	}
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/abort=true")
	c.expect("abort", "podinfo:v1", "podinfo:v2 aborted")
	if by := c.Candidate().MarkedBy; by != "jane" {
		t.Errorf("aborted by %q, not by jane", by)
	}
	c.kubectl("", "set", "env", "deployment/podinfo", "A=1")
	c.expect("set after an abort starts from the primary", "podinfo:v1", "podinfo:v1 A=1")
}

func TestPromotionIsOfOneCandidateAndCanBeRestored(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	held := c.Candidate()
	for _, other := range []workload.ID{{Hash: held.Hash, Attempt: 1, At: held.At}, {Hash: held.Hash, At: held.At.Add(-time.Microsecond)},
		{Hash: workload.Short(held.Hash), At: held.At}} {
		err := c.ask(config.AnnotationPromote, other.String())
		if want := "promote " + other.String() + ": the candidate is now " + held.ID().String(); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("a promotion of another candidate says %v, not %q", err, want)
		}
	}
	if err := c.ask(config.AnnotationPromote, held.ID().String()); err != nil {
		t.Fatal(err)
	}
	c.expect("promoted", "podinfo:v2", "")
	kept := c.Deployment().Annotations
	if _, left := kept[config.AnnotationPromote]; left {
		t.Error("the annotation that asked is still there")
	}
	previous := idOf(t, kept[config.AnnotationPrevious])
	if err := c.ask(config.AnnotationRestore, previous); err != nil {
		t.Fatal(err)
	}
	c.expect("restored", "podinfo:v1", "podinfo:v2 failed")
	if failed := c.Candidate(); !failed.ID().Is(held.ID()) || failed.By != held.By {
		t.Errorf("the promoted template is kept as %s by %s, not as %s by %s", failed.ID(), failed.By, held.ID(), held.By)
	}
}

func TestOwnershipStaysWithTheUser(t *testing.T) {
	apply := append([]string{"apply", "--server-side", "--field-manager=flux"}, "-f", "-")
	c := running(t, apply)
	before := c.owners()
	for _, image := range []string{"podinfo:v2", "podinfo:v3"} {
		c.kubectl(manifest(image), apply...)
		if diff, err := c.run(manifest(image), "diff", "--server-side", "--field-manager=flux", "-f", "-"); err != nil {
			t.Errorf("kubectl diff of the manifest in flight: %v\n%s", err, diff)
		}
		if out := c.kubectl(manifest(image), append(apply, "--dry-run=server")...); !strings.Contains(out, "serverside-applied") {
			t.Errorf("a dry run says %s", out)
		}
		if c.primary() == image || c.held() != image {
			t.Errorf("in flight: the primary has %q, held back is %q", c.primary(), c.held())
		}
		if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
			t.Fatal(err)
		}
		if err := c.ask(config.AnnotationSettle, idOf(t, c.Deployment().Annotations[config.AnnotationPrevious])); err != nil {
			t.Fatal(err)
		}
		c.expect("promoted", image, "")
	}
	if after := c.owners(); after != before {
		t.Errorf("flux owns %s\nand owned %s", after, before)
	}
	for key, value := range c.Deployment().Annotations {
		isEmptied := value == "" && slices.Contains(config.TemplateKeys(), key)
		if strings.HasPrefix(key, "sluice.dev/") && key != config.AnnotationCanary && !isEmptied {
			t.Errorf("annotation %s is left", key)
		}
	}
}

// owners are the fields that the manager flux owns.
func (c cluster) owners() string {
	for _, entry := range c.Deployment().ManagedFields {
		if entry.Manager == "flux" {
			return entry.FieldsV1.GetRawString()
		}
	}
	return ""
}

func TestOptOut(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	c.kubectl("", "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false")
	c.expect("opted out", "podinfo:v1", "podinfo:v2")
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v3")
	c.expect("changed afterwards", "podinfo:v3", "")
}

func TestABrokenPrimaryCanBeFixed(t *testing.T) {
	c := newCluster(t)
	c.kubectl(manifest("podinfo:broken"), appliers["client-side"]...)
	out := c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v1")
	c.expect("no replica is available", "podinfo:broken", "podinfo:v1")
	if !strings.Contains(out, "no replica of the primary is available; if that lasts, this change rolls out directly") {
		t.Errorf("kubectl does not say what becomes of the change: %s", out)
	}
	if err := c.ask(config.AnnotationLetThrough, c.Candidate().ID().String()); err != nil {
		t.Fatal(err)
	}
	c.expect("let through", "podinfo:v1", "")
	if d := c.direct(); d.How != workload.DirectUnavailable || d.By != "jane" {
		t.Errorf("what is told of it is %+v", d)
	}
}

func TestDeploymentsThatAreNotOptedInCostNothing(t *testing.T) {
	c := newCluster(t)
	plain := strings.ReplaceAll(manifest("podinfo:v1"), `{sluice.dev/canary: "true"}`, "{}")
	c.kubectl(plain, appliers["client-side"]...)
	before := server.Calls.Load()
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	if calls := server.Calls.Load() - before; calls != 0 {
		t.Errorf("admission was called %d times", calls)
	}
	c.expect("not opted in", "podinfo:v2", "")
}

func TestBadAnnotationsAreRejected(t *testing.T) {
	c := running(t, appliers["client-side"])
	for value, want := range map[string]string{
		"sluice.dev/step-weight=150":      `metadata.annotations[sluice.dev/step-weight]: Invalid value: "150": must be a percentage from 0 to 100 with at most two decimals`,
		"sluice.dev/interval=soon":        `metadata.annotations[sluice.dev/interval]: Invalid value: "soon": must be a duration of at least 1s`,
		"sluice.dev/stepweight=20":        `metadata.annotations[sluice.dev/stepweight]: Invalid value: "20": unknown setting; did you mean step-weight or step-weights?`,
		"sluice.dev/metrics=datadog":      `must be one of app, aws-alb, cilium, contour, envoy-gateway`,
		"sluice.dev/progress-deadline=-1": `must be a duration from 1s to 8760h, such as 90s or 15m, or a number of seconds`,
	} {
		if out, err := c.run("", "annotate", "--overwrite", "deployment", "podinfo", value); err == nil || !strings.Contains(out, want) {
			t.Errorf("annotate %s says %q, not %q", value, out, want)
		}
	}
}

const httpRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: podinfo}
spec:
  parentRefs: [{name: gateway}]
  rules:
    - backendRefs: [{name: podinfo, port: 80}]
    - matches: [{path: {value: /api}}]
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-api, value: "1"}]}}]
      backendRefs: [{name: podinfo, port: 80, weight: 7}, {name: other, port: 80, weight: 3}]
`

func TestRoutesAreRendered(t *testing.T) {
	c := newCluster(t)
	apply := []string{"apply", "--server-side", "--field-manager=flux", "-f", "-"}
	c.kubectl(httpRoute, apply...)
	user := c.Route()
	c.split(`[{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":30}]`)
	c.expectWeights("split", "podinfo=70 podinfo-canary=30 | podinfo=490 podinfo-canary=210 other=300")
	if diff, err := c.run(httpRoute, "diff", "--server-side", "--field-manager=flux", "-f", "-"); err != nil {
		t.Errorf("kubectl diff while split: %v\n%s", err, diff)
	}
	changed := strings.Replace(httpRoute, "    - backendRefs: [{name: podinfo, port: 80}]", "    - timeouts: {request: 5s}\n      backendRefs: [{name: podinfo, port: 80}]", 1)
	c.kubectl(changed, apply...)
	c.expectWeights("applied with a timeout", "podinfo=70 podinfo-canary=30 | podinfo=490 podinfo-canary=210 other=300")
	if c.Route().Spec.Rules[0].Timeouts == nil {
		t.Error("the timeout did not land")
	}
	c.kubectl(httpRoute, "replace", "-f", "-")
	c.expectWeights("replaced", "podinfo=70 podinfo-canary=30 | podinfo=490 podinfo-canary=210 other=300")
	c.split("")
	if !route.SameRules(route.FromHTTP(c.Route()), route.FromHTTP(user)) {
		t.Errorf("the route is not the user's again: %v", c.Route().Spec.Rules)
	}
}

// split writes the annotation as the reconciler does. An empty value removes it.
func (c cluster) split(value string) {
	c.T.Helper()
	if err := c.Annotate(c.Route(), config.AnnotationSplit, value); err != nil {
		c.T.Fatal(err)
	}
}
