package admission

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// The users of TestWhoMayGoRound. Both may edit the namespace; only the administrator has the verb bypass.
const (
	editor        = "ed"
	administrator = "ada"
)

// render returns objects of the chart, as helm renders them.
func render(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), server.Program("helm"), append([]string{"template", "sluice", "../../charts/sluice"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	return string(out)
}

// restrict installs the chart's policies for this namespace and gives both users their roles in it.
func (c cluster) restrict() {
	c.T.Helper()
	policies := render(c.T, "--show-only", "templates/bypass.yaml", "--set", "watchNamespaces={"+c.Namespace+"}")
	c.kubectl(render(c.T, "--show-only", "templates/roles.yaml"), "apply", "-f", "-")
	c.kubectl(policies, "apply", "-f", "-")
	// Nothing aggregates roles here: these are the parts of edit that count.
	for user, roles := range map[string][]string{
		editor:        {"system:aggregate-to-view", "system:aggregate-to-edit", "sluice-operate", "sluice-policies"},
		administrator: {"system:aggregate-to-view", "system:aggregate-to-edit", "sluice-operate", "sluice-policies", "sluice-bypass"},
	} {
		for _, role := range roles {
			c.Bind(c.T, c.Namespace, user, "ClusterRole", role)
		}
	}
	NewWithT(c.T).Eventually(func() string {
		out, _ := c.as(editor, "", "annotate", "deployment", "podinfo", "--dry-run=server", "sluice.dev/skip-analysis=true")
		return out
	}, patience, glance).Should(ContainSubstring("may not go round"))
}

// as runs kubectl as a user.
func (c cluster) as(user, input string, args ...string) (string, error) {
	c.T.Helper()
	return c.run(input, append([]string{"--as=" + user}, args...)...)
}

func TestWhoMayGoRound(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.withCanary(progressing)
	c.kubectl("apiVersion: sluice.dev/v1alpha1\nkind: Freeze\nmetadata: {name: "+c.Namespace+"}\nspec: {reason: audit, namespaces: ["+c.Namespace+"], selector: {matchLabels: {tier: web}}}\n", "apply", "-f", "-")
	c.kubectl("", "label", "deployment", "podinfo", "tier=web")
	c.restrict()
	until := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
	for _, way := range []struct {
		name, field string
		input       string
		args        []string
	}{
		{"a bypass", "metadata.annotations[sluice.dev/bypass]", "", []string{"annotate", "deployment", "podinfo", "sluice.dev/bypass=" + until + "; outage"}},
		{"skip-analysis", "metadata.annotations[sluice.dev/skip-analysis]", "", []string{"annotate", "deployment", "podinfo", "sluice.dev/skip-analysis=true"}},
		{"a direct restart", "metadata.annotations[sluice.dev/restart]", "", []string{"annotate", "deployment", "podinfo", "sluice.dev/restart=direct"}},
		{"opting out", "metadata.annotations[sluice.dev/canary]", "", []string{"annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false"}},
		{"opting out of it all", "metadata.annotations[sluice.dev/canary]", "", []string{"annotate", "deployment", "podinfo", "sluice.dev/canary-"}},
		{"a label of a Freeze", "metadata.labels: Freeze " + c.Namespace, "", []string{"label", "deployment", "podinfo", "tier-"}},
		{"a promotion without analysis", "spec.promote.skipAnalysis", "", []string{"patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"promote":{"candidate":"7c9e41d2","skipAnalysis":true}}}`}},
		{"the same by annotation", "spec.promote.skipAnalysis", "", []string{"annotate", "canary", "podinfo", "sluice.dev/skip-analysis=true"}},
		{"a policy that skips", "spec.skipAnalysis", "apiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: lax}\nspec: {skipAnalysis: true}\n", []string{"create", "-f", "-"}},
		{"a new Deployment that skips", "metadata.annotations[sluice.dev/skip-analysis]",
			strings.NewReplacer("name: podinfo\n", "name: another\n", `canary: "true"`, `canary: "true", sluice.dev/skip-analysis: "true"`).Replace(manifest("podinfo:v1")), []string{"create", "-f", "-"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			c := c.in(t)
			args := append(way.args[:len(way.args):len(way.args)], "--dry-run=server")
			// Each of the policies is in force at its own moment.
			NewWithT(t).Eventually(func() (string, error) {
				out, err := c.as(editor, way.input, args...)
				if err == nil {
					return "", fmt.Errorf("the editor may: %s", out)
				}
				return out, nil
			}, patience, glance).Should(And(ContainSubstring(way.field), ContainSubstring("ed may not go round the analysis of "), ContainSubstring(c.Namespace)))
			if out, err := c.as(administrator, way.input, args...); err != nil {
				t.Errorf("the administrator gets %v\n%s", err, out)
			}
		})
	}
}

// TestAFreezeThatIsOverGuardsNoLabels sets the status as the controller writes it.
func TestAFreezeThatIsOverGuardsNoLabels(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("apiVersion: sluice.dev/v1alpha1\nkind: Freeze\nmetadata: {name: "+c.Namespace+"}\nspec: {reason: audit, namespaces: ["+c.Namespace+"], selector: {matchLabels: {tier: web}}}\n", "apply", "-f", "-")
	c.kubectl("", "label", "deployment", "podinfo", "tier=web")
	c.restrict()
	for _, moment := range []struct {
		name, status string
		guards       bool
	}{
		{"no status", "", true},
		{"in force", `{"status":{"active":true}}`, true},
		{"between two windows", `{"status":{"active":false,"nextStart":"2126-01-02T15:04:05Z"}}`, true},
		{"over", `{"status":{"active":false,"nextStart":null}}`, false},
	} {
		if moment.status != "" {
			c.kubectl("", "patch", "freeze", c.Namespace, "--subresource=status", "--type=merge", "-p", moment.status)
		}
		settled := func() bool {
			_, err := c.as(editor, "", "label", "deployment", "podinfo", "tier-", "--dry-run=server")
			return (err != nil) == moment.guards
		}
		// The API server reads Freezes from a cache.
		for deadline := time.Now().Add(patience); !settled(); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: guards the labels: %v", moment.name, !moment.guards)
			}
		}
	}
}

// TestAChangeAtZeroReplicasNeedsTheRight checks that a template which nothing is compared with needs the right, and that replicas 0
// in the same request do not make it one.
func TestAChangeAtZeroReplicasNeedsTheRight(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.restrict()
	none := strings.Replace(manifest("podinfo:v2"), "spec:\n", "spec:\n  replicas: 0\n", 1)
	if out, err := c.as(editor, none, "apply", "-f", "-", "--dry-run=server"); err != nil {
		t.Errorf("replicas 0 together with a template: %v\n%s", err, out)
	}
	c.kubectl("", "scale", "deployment", "podinfo", "--replicas=0")
	out, err := c.as(editor, none, "apply", "-f", "-", "--dry-run=server")
	if err == nil || !strings.Contains(out, "spec.replicas") {
		t.Errorf("a template at 0 replicas: the editor gets %v\n%s", err, out)
	}
	if out, err := c.as(administrator, none, "apply", "-f", "-"); err != nil {
		t.Errorf("the administrator gets %v\n%s", err, out)
	}
	c.expect("at 0 replicas", "podinfo:v1", "podinfo:v2")
	if out, err := c.as(editor, "", "annotate", "deployment", "podinfo", "sluice.dev/abort=true"); err != nil {
		t.Errorf("an abort at 0 replicas: %v\n%s", err, out)
	}
	if err := c.ask(config.AnnotationSettle, "none"); err != nil {
		t.Errorf("the reconciler is refused: %v", err)
	}
}

// TestTheRestNeedsNoSuchRight does, as a user without it, what a rollout needs, and as the reconciler what that does.
func TestTheRestNeedsNoSuchRight(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/skip-analysis=true")
	c.withCanary(progressing)
	c.kubectl("", "patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"promote":{"candidate":"7c9e41d2","skipAnalysis":true}}}`)
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/skip-analysis-")
	c.restrict()
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/skip-analysis=true")
	for _, args := range [][]string{
		{"set", "image", "deployment/podinfo", "app=podinfo:v2"},
		{"label", "deployment", "podinfo", "tier=web"},
		{"annotate", "deployment", "podinfo", "sluice.dev/interval=10s"},
		{"annotate", "deployment", "podinfo", "sluice.dev/skip-analysis-"},
		{"scale", "deployment", "podinfo", "--replicas=3"},
		{"annotate", "deployment", "podinfo", config.AnnotationAbort + "=true"},
		{"annotate", "deployment", "podinfo", config.AnnotationRetry + "=true"},
		{"patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"paused":{"reason":"lunch"}}}`},
	} {
		if out, err := c.as(editor, "", args...); err != nil {
			t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
		t.Fatal(err)
	}
	c.expect("promoted", "podinfo:v2", "")
	if err := c.ask(config.AnnotationRestore, c.previous()); err != nil {
		t.Fatal(err)
	}
	c.expect("restored", "podinfo:v1", "podinfo:v2 failed")
}

// previous names the template that the last promotion replaced, as the reconciler does.
func (c cluster) previous() string {
	c.T.Helper()
	previous, err := workload.PreviousOf(c.Deployment().Annotations)
	if err != nil || previous == nil {
		c.T.Fatalf("there is no previous template: %v", err)
	}
	return previous.ID().String()
}
