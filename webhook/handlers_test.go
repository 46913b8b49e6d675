package webhook

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// server keeps the registered handlers.
type server struct {
	ctrlwebhook.Server
	handlers map[string]ctrladmission.Handler
}

func (s server) Register(path string, handler http.Handler) {
	s.handlers[path] = handler.(*ctrlwebhook.Admission).Handler
}

func registered(dryRun bool) map[string]ctrladmission.Handler {
	s := server{handlers: map[string]ctrladmission.Handler{}}
	Register(s, "sluice", dryRun, nil)
	return s.handlers
}

func deployment(image string) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"podinfo","annotations":{"sluice.dev/canary":"true"}},
		"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"app","image":%q}]}}},"status":{"availableReplicas":1}}`, image)
}

const (
	canary = `{"apiVersion":"sluice.dev/v1alpha1","kind":"Canary","metadata":{"name":"podinfo"%s},"fromTheFuture":1,"spec":{%s}}`
	frozen = `{"apiVersion":"sluice.dev/v1alpha1","kind":"Freeze","metadata":{"name":"lunch"},"fromTheFuture":1,"spec":{"reason":%s}}`
	policy = `{"apiVersion":"sluice.dev/v1alpha1","kind":"CanaryPolicy","metadata":{"name":"standard"},"spec":{"analysis":{"stepWeight":%s}}}`
)

func TestAnswers(t *testing.T) {
	pause := fmt.Sprintf(canary, "", `"paused":{}`)
	for name, c := range map[string]struct {
		path, kind, old, updated string
		dryRun                   bool
		// denied is the beginning of the message. patched is part of the patch, and warned is part of a warning.
		denied, patched, warned string
	}{
		"a change is held back": {path: MutateDeploymentPath, old: deployment("v1"), updated: deployment("v2"), patched: "/spec/template", warned: "held back"},
		"a promotion by anybody": {path: MutateDeploymentPath, old: deployment("v1"),
			updated: strings.Replace(deployment("v1"), `"true"`, `"true","sluice.dev/promote":"x"`, 1), denied: "sluice: metadata.annotations[sluice.dev/promote]"},
		"a change in a dry run":    {path: MutateDeploymentPath, old: deployment("v1"), updated: deployment("v2"), dryRun: true, warned: "would have been held back"},
		"a change past the others": {path: ValidateDeploymentPath, old: deployment("v1"), updated: deployment("v2"), denied: "sluice: spec.template"},
		"what is no JSON":          {path: MutateRoutePath, updated: "{", denied: "decode Kind shop/podinfo: "},
		"more than is read": {path: MutateDeploymentPath, old: deployment("v1"), denied: "decode Kind shop/podinfo: too much JSON: more than 100000 values: make the object smaller",
			updated: strings.Replace(deployment("v2"), `"replicas":1`, `"replicas":1,"x":[`+strings.Repeat(`{"":0},`, 60_000)+`0]`, 1)},
		"a pause is stamped":      {path: MutateCanaryPath, updated: pause, patched: "/spec/paused/by"},
		"a pause of another type": {path: MutateCanaryPath, updated: fmt.Sprintf(canary, "", `"paused":"x"`), denied: "decode Kind shop/podinfo: json: cannot unmarshal"},
		"a request on a Canary is never stored": {path: MutateCanaryPath,
			updated: fmt.Sprintf(canary, `,"annotations":{"sluice.dev/reset":"true"}`, ""), patched: "/metadata/annotations/sluice.dev~1reset", warned: "there is no candidate"},
		"a freeze is stamped":       {path: MutateFreezePath, updated: fmt.Sprintf(frozen, `"outage"`), patched: "/spec/by"},
		"a policy that is in order": {path: ValidatePolicyPath, updated: fmt.Sprintf(policy, "5")},
		"a policy that is not":      {path: ValidatePolicyPath, old: fmt.Sprintf(policy, "5"), updated: fmt.Sprintf(policy, "500"), denied: "sluice: spec.analysis.stepWeight"},
		"a stored policy stays":     {path: ValidatePolicyPath, old: fmt.Sprintf(policy, "500"), updated: fmt.Sprintf(policy, "500")},
		"what Sluice has made":      {path: ValidateGeneratedPath, old: deployment("v1"), warned: "was created by Sluice for one rollout"},
		"what a canary runs":        {path: ValidateGeneratedPath, kind: "Deployment", old: deployment("v1"), updated: deployment("v2"), denied: "sluice: spec.template"},
	} {
		t.Run(name, func(t *testing.T) {
			request := ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Namespace: "shop", Name: "podinfo",
				OldObject: runtime.RawExtension{Raw: []byte(c.old)}, Object: runtime.RawExtension{Raw: []byte(c.updated)}}}
			request.Kind.Kind, request.UserInfo.Username = cmp.Or(c.kind, "Kind"), "jane"
			response := registered(c.dryRun)[c.path].Handle(t.Context(), request)
			message := ""
			if response.Result != nil {
				message = response.Result.Message
			}
			if response.Allowed != (c.denied == "") || !strings.HasPrefix(message, c.denied) {
				t.Errorf("the answer is %v: %s", response.Allowed, message)
			}
			if warned := strings.Join(response.Warnings, " "); !strings.Contains(warned, c.warned) || (c.warned == "") != (warned == "") {
				t.Errorf("the warnings are %q", warned)
			}
			if patched := fmt.Sprint(response.Patches); !strings.Contains(patched, c.patched) || (c.patched == "") != (len(response.Patches) == 0) || strings.Contains(patched, "fromTheFuture") {
				t.Errorf("the patches are %s", patched)
			}
		})
	}
}
