package admission

import (
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/config"
)

// sized is a manifest with replicas and minReadySeconds.
func sized(image string, replicas, seconds int) string {
	return strings.Replace(manifest(image), "\nspec:\n", fmt.Sprintf("\nspec:\n  replicas: %d\n  minReadySeconds: %d\n", replicas, seconds), 1)
}

// stands describes the Deployment and what it holds back.
func (c cluster) stands() string {
	c.T.Helper()
	deployment, candidate := c.Deployment(), c.Candidate()
	text := fmt.Sprintf("%s x%d after %ds", c.primary(), *deployment.Spec.Replicas, deployment.Spec.MinReadySeconds)
	if candidate == nil {
		return text
	}
	then := candidate.Around.In(deployment)
	return fmt.Sprintf("%s, then %s x%d after %ds", text, c.held(), *then.Spec.Replicas, then.Spec.MinReadySeconds)
}

// TestWhatComesAroundATemplateIsHeldWithIt goes through the life of a candidate that came with fewer replicas and another
// minReadySeconds. The manifest sent again is the same request at every moment, and its manager owns the same fields.
func TestWhatComesAroundATemplateIsHeldWithIt(t *testing.T) {
	ask := func(key string) func(cluster) error {
		return func(c cluster) error {
			if previous := c.Deployment().Annotations[config.AnnotationPrevious]; previous != "" {
				return c.ask(key, idOf(c.T, previous))
			}
			return c.ask(key, c.Candidate().ID().String())
		}
	}
	kubectl := func(args ...string) func(cluster) error {
		return func(c cluster) error { _, err := c.run("", args...); return err }
	}
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "--field-manager=flux", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.kubectl(sized("podinfo:v1", 4, 0), apply...)
			c.MakeAvailable()
			v2, owned := sized("podinfo:v2", 2, 5), c.owners()
			out := c.kubectl(v2, apply...)
			if !strings.Contains(out, "spec.replicas is held back with it: 4 replicas stay until ") || !strings.Contains(out, "is promoted: spec.minReadySeconds") {
				t.Errorf("kubectl does not say what is held back: %s", out)
			}
			for _, moment := range []struct {
				name    string
				happens func(cluster) error
				want    string
			}{
				{"held", nil, "podinfo:v1 x4 after 0s, then podinfo:v2 x2 after 5s"},
				{"failed", ask(config.AnnotationFail), "podinfo:v1 x4 after 0s, then podinfo:v2 failed x2 after 5s"},
				{"retried", kubectl("annotate", "deployment", "podinfo", "sluice.dev/retry=true"), "podinfo:v1 x4 after 0s, then podinfo:v2 x2 after 5s"},
				{"promoted", ask(config.AnnotationPromote), "podinfo:v2 x2 after 5s"},
				{"restored", ask(config.AnnotationRestore), "podinfo:v1 x4 after 0s, then podinfo:v2 failed x2 after 5s"},
				{"tried again", kubectl("annotate", "deployment", "podinfo", "sluice.dev/retry=true"), "podinfo:v1 x4 after 0s, then podinfo:v2 x2 after 5s"},
				{"promoted again", ask(config.AnnotationPromote), "podinfo:v2 x2 after 5s"},
				{"settled", ask(config.AnnotationSettle), "podinfo:v2 x2 after 5s"},
				{"scaled", kubectl("scale", "deployment/podinfo", "--replicas=7"), "podinfo:v2 x7 after 5s"},
			} {
				if moment.happens != nil {
					if err := moment.happens(c); err != nil {
						t.Fatalf("%s: %v", moment.name, err)
					}
				}
				if got := c.stands(); got != moment.want {
					t.Fatalf("%s: %s, not %s", moment.name, got, moment.want)
				}
				if moment.name == "scaled" {
					break
				}
				if out := c.kubectl(v2, apply...); strings.Contains(out, "Warning") {
					t.Errorf("%s: the same manifest again says %s", moment.name, out)
				}
				if got := c.stands(); got != moment.want {
					t.Fatalf("%s, applied again: %s, not %s", moment.name, got, moment.want)
				}
				if got := c.owners(); name == "server-side" && got != owned {
					t.Errorf("%s: flux owns %s\nand owned %s", moment.name, got, owned)
				}
			}
			force := apply
			if name == "server-side" {
				force = append(append([]string{}, apply...), "--force-conflicts")
			}
			c.kubectl(v2, force...)
			if got, want := c.stands(), "podinfo:v2 x2 after 5s"; got != want {
				t.Errorf("applied without another template: %s, not %s", got, want)
			}
		})
	}
}

// TestReplicasHaveOtherWriters scales a Deployment that holds a template back with fewer replicas.
func TestReplicasHaveOtherWriters(t *testing.T) {
	c := newCluster(t)
	c.kubectl(sized("podinfo:v1", 4, 0), appliers["client-side"]...)
	c.MakeAvailable()
	c.kubectl(sized("podinfo:v2", 2, 0), appliers["client-side"]...)
	c.kubectl("", "scale", "deployment/podinfo", "--replicas=9")
	if got, want := c.stands(), "podinfo:v1 x9 after 0s, then podinfo:v2 x9 after 0s"; got != want {
		t.Errorf("scaled: %s, not %s", got, want)
	}
	c.kubectl("", "scale", "deployment/podinfo", "--replicas=4")
	if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()+" replicas"); err != nil {
		t.Fatal(err)
	}
	if got, want := c.stands(), "podinfo:v2 x4 after 0s"; got != want {
		t.Errorf("promoted while an autoscaler sets the replicas: %s, not %s", got, want)
	}
	c.kubectl(sized("podinfo:v3", 6, 0), appliers["client-side"]...)
	if got, want := c.stands(), "podinfo:v2 x6 after 0s, then podinfo:v3 x6 after 0s"; got != want {
		t.Errorf("more replicas: %s, not %s", got, want)
	}
}
