package plugin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// playedPrometheus answers as a Prometheus does that scrapes two pods of the app every 15 s. Each gets ten requests a second, of which
// one in a thousand fails. A namespace without pods has no answer.
func playedPrometheus(namespace string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query, now := r.FormValue("query"), time.Now().Unix()
		answer := func(kind, result string) {
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":[%s]}}`, kind, result)
		}
		step, back := int64(15), int64(300)
		switch {
		case strings.Contains(query, "queue_length"):
			answer("vector", "")
			return
		case !strings.Contains(query, fmt.Sprintf("namespace=%q", namespace)):
			answer("matrix", "")
			return
		case strings.Contains(query, "[3600s:60s]"):
			step, back = 60, 3600
		}
		var all []string
		for _, pod := range []string{"podinfo-6f8b7c-aaaaa", "podinfo-6f8b7c-bbbbb"} {
			for code, each := range map[string]float64{"200": 9.99, "503": .01} {
				var values []string
				for at := now/step*step - back; at <= now; at += step {
					values = append(values, fmt.Sprintf(`[%d,"%.2f"]`, at, each*float64(at-now+100_000)))
				}
				all = append(all, fmt.Sprintf(`{"metric":{"__name__":"http_requests_total","namespace":%q,"pod":%q,"code":%q},"values":[%s]}`,
					namespace, pod, code, strings.Join(values, ",")))
			}
		}
		answer("matrix", strings.Join(all, ","))
	}
}

// TestPlan plans rollouts of an app by what the API server has and a played Prometheus answers.
func TestPlan(t *testing.T) {
	dir, namespace := t.TempDir(), server.NewNamespace(t)
	app, err := filepath.Abs("testdata/plan-app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := shell(t, dir, "kubectl apply --server-side -n "+namespace+" -f "+app); err != nil {
		t.Fatal(out)
	}
	t.Cleanup(func() { _, _ = shell(t, dir, "kubectl delete --ignore-not-found gatewayclass planned") })
	played := httptest.NewServer(playedPrometheus(namespace))
	t.Cleanup(played.Close)
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sluice"}, Data: map[string]string{"config.yaml": "prometheusUrl: " + played.URL}}
	if err := server.Client.Create(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	nobody, err := server.AddUser("plans-nothing")
	if err != nil {
		t.Fatal(err)
	}
	little, err := server.AddUser("plans-little")
	if err != nil {
		t.Fatal(err)
	}
	mayLook(t, namespace, "plans-little")
	by, set := " --runs 2 --from-prometheus "+played.URL, " --runs 2 --sluice-namespace "+namespace
	for name, c := range map[string]struct {
		command string
		fails   bool
		want    []string
	}{
		"a page": {"plan podinfo" + by, false, []string{"Plan of a rollout of " + namespace + "/podinfo, judged by the guard and the checks of the policy", "CanaryPolicy/standard", "routes     podinfo",
			"metrics    envoy-gateway", "20 requests a second in the last hour, of which 0.1% fail; 2 pods, scraped every 15s", "after 20s at least", "2 rollouts of each kind, seed 1",
			"queue                     no      no value for the primary", "queue_length{app=\"podinfo\"}", "WITH OTHER SETTINGS", "TO HALVE"}},
		"for programs":                 {"plan deployment/podinfo -o json" + by, false, []string{`"requestsPerSecond": 20`, `"metrics": "envoy-gateway"`, `"path": "analysis.guard.minDwell"`}},
		"by the controller's setting":  {"plan podinfo" + set, false, []string{"20 requests a second"}},
		"by another preset":            {"plan podinfo --preset app" + by, false, []string{"metrics    app"}},
		"a preset that is not":         {"plan podinfo --preset lighttpd" + by, true, []string{`--preset "lighttpd": must be one of app`}},
		"a name that is mistyped":      {"plan podinf" + by, true, []string{"Deployment podinf does not exist in namespace " + namespace, "podinfo"}},
		"an app without a Service":     {"plan lonely" + by, true, []string{"no rollout of Deployment " + namespace + "/lonely can start: no Service selects the pods"}},
		"metrics without requests":     {"plan podinfo --preset istio" + by, true, []string{"no requests were counted in the last hour", "istio_requests_total"}},
		"a server that is not":         {"plan podinfo --runs 2 --from-prometheus http://127.0.0.1:1", true, []string{"read the last hour", "connection refused"}},
		"no setting of the controller": {"plan podinfo --runs 2 --sluice-namespace none", true, []string{"ConfigMap none/sluice cannot be read", "--from-prometheus URL"}},
		"a user without rights":        {"plan podinfo --kubeconfig " + nobody + by, true, []string{"read Deployment " + namespace + "/podinfo", "forbidden", "plans-nothing"}},
		"too few runs":                 {"plan podinfo --runs 0", true, []string{"--runs 0: must be from 1 to 10000"}},
	} {
		out, err := shell(t, dir, "kubectl sluice -n "+namespace+" "+c.command)
		if failed := err != nil; failed != c.fails {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: nothing says %q:\n%s", name, want, out)
			}
		}
	}
	// A user who may not see policies and routes gets what the controller has found.
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "podinfo"}}
	command := "kubectl sluice -n " + namespace + " plan podinfo --kubeconfig " + little + by
	if out, err := shell(t, dir, command); err == nil || !strings.Contains(out, "forbidden") || !strings.Contains(out, "the status of the Canary says the same once the Deployment is opted in") {
		t.Errorf("without a Canary: %v\n%s", err, out)
	}
	if err := server.Client.Create(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	canary.Status.Phase = v1alpha1.PhaseInitialized
	canary.Status.Policy = &v1alpha1.PolicyStatus{Name: "CanaryPolicy/seen", Spec: policy.PresentOf(namespace, nil, policy.Policies{}).Status.Spec}
	canary.Status.Target = &v1alpha1.TargetStatus{Service: "podinfo", Metrics: "app", Routes: []string{"podinfo"}}
	if err := server.Client.Status().Update(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	out, err := shell(t, dir, command)
	for _, want := range []string{"CanaryPolicy/seen", "metrics    app", "20 requests a second", "Note: the policy and the metrics are those of the Canary's status"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("with the status of the Canary, nothing says %q: %v\n%s", want, err, out)
		}
	}
	var left corev1.ConfigMap
	if err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(settings), &left); err != nil || left.ResourceVersion != settings.ResourceVersion {
		t.Errorf("the plan has changed the cluster: %v", err)
	}
}

// mayLook lets a user see Deployments, Services and Canaries of a namespace.
func mayLook(t *testing.T, namespace, user string) {
	t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list"}},
		{APIGroups: []string{"sluice.dev"}, Resources: []string{"canaries"}, Verbs: []string{"get"}},
	}}
	if err := server.Client.Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	server.Bind(t, namespace, user, "Role", user)
}
