package admission

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
)

const (
	splitBy30    = `[{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":30}]`
	splitBy50    = `[{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":50}]`
	renderedBy30 = "podinfo=70 podinfo-canary=30 | podinfo=490 podinfo-canary=210 other=300"
)

var applyRoute = []string{"apply", "--server-side", "--field-manager=flux", "-f", "-"}

// routeOwners are the fields of the route that the manager flux owns.
func (c cluster) routeOwners() string {
	c.T.Helper()
	for _, entry := range c.Route().ManagedFields {
		if entry.Manager == "flux" && entry.Operation == metav1.ManagedFieldsOperationApply {
			return entry.FieldsV1.GetRawString()
		}
	}
	return ""
}

// TestTheRouteStaysTheUsers checks at every moment of a rollout that the rules belong to the manager that applied them. The
// same manifest is no difference and can be applied without force.
func TestTheRouteStaysTheUsers(t *testing.T) {
	c := newCluster(t)
	c.kubectl(httpRoute, applyRoute...)
	owned, user := c.routeOwners(), c.Route()
	for _, moment := range []struct{ name, split, weights string }{
		{"before", "", "podinfo=1 | podinfo=7 other=3"},
		{"first step", splitBy30, renderedBy30},
		{"second step", splitBy50, "podinfo=50 podinfo-canary=50 | podinfo=350 podinfo-canary=350 other=300"},
		{"back to the first", splitBy30, renderedBy30},
		{"after", "", "podinfo=1 | podinfo=7 other=3"},
	} {
		c.split(moment.split)
		c.expectWeights(moment.name, moment.weights)
		if diff, err := c.run(httpRoute, "diff", "--server-side", "--field-manager=flux", "-f", "-"); err != nil {
			t.Errorf("%s: kubectl diff: %v\n%s", moment.name, err, diff)
		}
		before := c.Route().ResourceVersion
		c.kubectl(httpRoute, applyRoute...)
		c.expectWeights(moment.name+", applied again", moment.weights)
		if c.Route().ResourceVersion != before {
			t.Errorf("%s: applying the same manifest changes the route", moment.name)
		}
		if got := c.routeOwners(); got != owned {
			t.Errorf("%s: flux owns %s\nand owned %s", moment.name, got, owned)
		}
	}
	if !route.SameRules(route.FromHTTP(c.Route()), route.FromHTTP(user)) || len(c.Route().Annotations) > 0 {
		t.Errorf("the route is not the user's again: %v %v", c.Route().Annotations, c.Route().Spec.Rules)
	}
}

func TestTheUsersEditsOfARouteLandWhileItIsSplit(t *testing.T) {
	weightsOfOther := "podinfo=70 podinfo-canary=30 | podinfo=490 podinfo-canary=210 other=900"
	for name, edit := range map[string]struct {
		patch, weights string
		landed         func(c cluster) bool
	}{
		"timeouts": {`[{"op":"add","path":"/spec/rules/0/timeouts","value":{"request":"5s"}}]`, renderedBy30,
			func(c cluster) bool { return c.Route().Spec.Rules[0].Timeouts != nil }},
		"matches": {`[{"op":"replace","path":"/spec/rules/1/matches/0/path/value","value":"/v2"}]`, renderedBy30,
			func(c cluster) bool { return *c.Route().Spec.Rules[1].Matches[0].Path.Value == "/v2" }},
		"filters": {`[{"op":"remove","path":"/spec/rules/1/filters"}]`, renderedBy30,
			func(c cluster) bool { return len(c.Route().Spec.Rules[1].Filters) == 0 }},
		"the weight of another backend": {`[{"op":"replace","path":"/spec/rules/1/backendRefs/2/weight","value":900}]`, weightsOfOther,
			func(cluster) bool { return true }},
		"host names": {`[{"op":"add","path":"/spec/hostnames","value":["shop.example.com"]}]`, renderedBy30,
			func(c cluster) bool { return len(c.Route().Spec.Hostnames) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.kubectl(httpRoute, applyRoute...)
			c.split(splitBy30)
			c.kubectl("", "patch", "httproute", "podinfo", "--type=json", "-p", edit.patch)
			c.expectWeights("edited", edit.weights)
			if !edit.landed(c) {
				t.Error("the edit did not land")
			}
			c.split("")
			for _, rule := range c.Route().Spec.Rules {
				for _, ref := range rule.BackendRefs {
					if ref.Name == "podinfo-canary" {
						t.Errorf("the canary is left in %v", rule.BackendRefs)
					}
				}
			}
			if !edit.landed(c) {
				t.Error("the edit was undone with the split")
			}
		})
	}
}

func TestOnlyTheReconcilerSplits(t *testing.T) {
	c := newCluster(t)
	c.kubectl(httpRoute, applyRoute...)
	if out, err := c.run("", "annotate", "httproute", "podinfo", config.AnnotationSplit+"="+splitBy30); err == nil || !strings.Contains(out, "only Sluice itself may set it, not jane") {
		t.Errorf("a forged split says %s", out)
	}
	c.split(splitBy30)
	c.kubectl("", "annotate", "--overwrite", "httproute", "podinfo", config.AnnotationSplit+"="+splitBy50)
	c.expectWeights("forged while split", renderedBy30)
	c.kubectl("", "annotate", "httproute", "podinfo", config.AnnotationSplit+"-")
	c.expectWeights("removed while split", renderedBy30)
}

func TestARouteFromABackupHasNoSplit(t *testing.T) {
	c := newCluster(t)
	c.kubectl(httpRoute, applyRoute...)
	c.split(splitBy30)
	backup := c.kubectl("", "get", "httproute", "podinfo", "-o", "json")
	c.kubectl("", "delete", "httproute", "podinfo")
	out := c.kubectl(backup, "create", "-f", "-")
	c.expectWeights("restored", "podinfo=1 | podinfo=7 other=3")
	if _, left := c.Route().Annotations[config.AnnotationSplit]; left || !strings.Contains(out, "the split of an earlier rollout was removed") {
		t.Errorf("annotations %v; kubectl says %s", c.Route().Annotations, out)
	}
}

func TestWhoEditsWhatSluiceMadeIsWarned(t *testing.T) {
	c := newCluster(t)
	labels := map[string]string{config.LabelRole: config.RoleCanary}
	var copied appsv1.Deployment
	if err := json.Unmarshal([]byte(c.kubectl(manifest("podinfo:v1"), "create", "--dry-run=client", "-f", "-", "-o", "json")), &copied); err != nil {
		t.Fatal(err)
	}
	copied.ObjectMeta = metav1.ObjectMeta{Namespace: c.Namespace, Name: "podinfo-canary", Labels: labels}
	service := &corev1.Service{ObjectMeta: copied.ObjectMeta, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	for _, object := range []client.Object{&copied, service.DeepCopy()} {
		if err := server.Reconciler.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"scale", "deployment", "podinfo-canary", "--replicas=3"},
		{"label", "deployment", "podinfo-canary", "team=a"},
		{"label", "service", "podinfo-canary", "team=a"},
		{"delete", "service", "podinfo-canary"},
	} {
		out := c.kubectl("", args...)
		if warned := strings.Contains(out, "was created by Sluice for one rollout"); warned == (args[0] == "scale") {
			t.Errorf("kubectl %s says %s", strings.Join(args, " "), out)
		}
	}
	for _, args := range [][]string{
		{"set", "image", "deployment/podinfo-canary", "app=other"},
		{"rollout", "restart", "deployment/podinfo-canary"},
		{"label", "--overwrite", "deployment", "podinfo-canary", "sluice.dev/role-"},
	} {
		if out, err := c.run("", args...); err == nil || !strings.Contains(out, "sluice: ") {
			t.Errorf("kubectl %s is not refused: %s", strings.Join(args, " "), out)
		}
	}
}
