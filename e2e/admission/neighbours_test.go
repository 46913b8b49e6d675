package admission

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	jsonpatch "gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/config"
)

// neighbour is another mutating webhook for the Deployments of one namespace. Its name decides whether it is called before
// Sluice's or after.
func (c cluster) neighbour(name string, change func(*corev1.PodTemplateSpec)) {
	c.T.Helper()
	var calls atomic.Int64
	hook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = mutated(review.Request, change)
		_ = json.NewEncoder(w).Encode(review)
	}))
	c.T.Cleanup(hook.Close)
	fail, none := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-" + c.Namespace},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: name + ".example.com", AdmissionReviewVersions: []string{"v1"}, SideEffects: &none, FailurePolicy: &fail,
			ReinvocationPolicy: ptr.To(admissionregistrationv1.IfNeededReinvocationPolicy),
			NamespaceSelector:  &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.Namespace}},
			ClientConfig:       admissionregistrationv1.WebhookClientConfig{URL: &hook.URL, CABundle: authority},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
			}},
		}},
	}
	if err := server.Client.Create(c.T.Context(), configuration); err != nil {
		c.T.Fatal(err)
	}
	c.T.Cleanup(func() { _ = server.Client.Delete(c.T.Context(), configuration) })
	c.called(name, &calls)
}

// called waits until the API server calls a new webhook, because it reads the configurations only after a moment.
func (c cluster) called(name string, calls *atomic.Int64) {
	c.T.Helper()
	probe := strings.ReplaceAll(strings.ReplaceAll(manifest("podinfo:v1"), `{sluice.dev/canary: "true"}`, "{}"), "name: podinfo", "name: probe-"+name)
	for range 200 {
		if c.kubectl(probe, "create", "--dry-run=server", "-f", "-"); calls.Load() > 0 {
			return
		}
	}
	c.T.Fatalf("the API server does not call %s", name)
}

func mutated(request *admissionv1.AdmissionRequest, change func(*corev1.PodTemplateSpec)) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true}
	var d appsv1.Deployment
	if err := json.Unmarshal(request.Object.Raw, &d); err != nil {
		return &admissionv1.AdmissionResponse{UID: request.UID, Result: &metav1.Status{Message: err.Error()}}
	}
	before, _ := json.Marshal(d)
	change(&d.Spec.Template)
	after, _ := json.Marshal(d)
	operations, err := jsonpatch.CreatePatch(before, after)
	if err != nil || len(operations) == 0 {
		return response
	}
	response.Patch, _ = json.Marshal(operations)
	response.PatchType = ptr.To(admissionv1.PatchTypeJSONPatch)
	return response
}

// pinning replaces tags with digests, as supply-chain policies do.
func pinning(template *corev1.PodTemplateSpec) {
	for i := range template.Spec.Containers {
		image := &template.Spec.Containers[i].Image
		if repository, tag, tagged := strings.Cut(*image, ":"); tagged && !strings.Contains(*image, "@") {
			*image = repository + "@sha256:" + tag
		}
	}
}

// labelling writes what the template runs into a label, as injectors do. The value depends on the request.
func labelling(template *corev1.PodTemplateSpec) {
	template.Labels["injected"] = strings.NewReplacer(":", "-", "@", "-").Replace(template.Spec.Containers[0].Image)
}

func TestWebhooksBeforeOursAreInTheCandidate(t *testing.T) {
	for name, apply := range appliers {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.neighbour("aaa-digests", pinning)
			c.neighbour("bbb-labels", labelling)
			c.kubectl(manifest("podinfo:v1"), apply...)
			c.MakeAvailable()
			c.expect("created", "podinfo@sha256:v1", "")
			for _, tag := range []string{"v2", "v3"} {
				c.kubectl(manifest("podinfo:"+tag), apply...)
				c.expect("applied", "podinfo@sha256:v1", "podinfo@sha256:"+tag)
				candidate := c.Candidate()
				if pod, _ := candidate.Template.Pod(); pod.Labels["injected"] != "podinfo-sha256-"+tag {
					t.Errorf("the candidate %s is labelled %q", tag, pod.Labels["injected"])
				}
				c.kubectl(manifest("podinfo:"+tag), apply...)
				c.kubectl("", "label", "deployment", "podinfo", "team-"+tag+"=a")
				if again := c.Candidate(); again == nil || again.Hash != candidate.Hash {
					t.Errorf("applied again it is %+v, not %s", again, candidate.Hash)
				}
			}
			if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
				t.Fatal(err)
			}
			c.expect("promoted", "podinfo@sha256:v3", "")
		})
	}
}

func TestAWebhookAfterTheLastIsCaught(t *testing.T) {
	c := running(t, appliers["server-side"])
	c.neighbour("zzzzzzzzz-late", func(template *corev1.PodTemplateSpec) { template.Spec.Containers[0].Image = "podinfo:late" })
	before := c.Deployment()
	out, err := c.run("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	want := `another admission webhook changed spec.template.spec.containers[name="app"].image after Sluice had held the change back`
	if err == nil || !strings.Contains(out, want) {
		t.Errorf("kubectl says %q, not %q", out, want)
	}
	if c.Deployment().ResourceVersion != before.ResourceVersion {
		t.Error("something was stored all the same")
	}
}
