package admission

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

const generatedCanary = `{"kind":"Deployment","metadata":{"name":"podinfo-canary","labels":{"sluice.dev/role":"canary","sluice.dev/primary":"podinfo"},
	"annotations":{"sluice.dev/template-hash":"7c9e41d2","sluice.dev/requested-by":"pat"}},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v2"}]}}}}`

func TestOthersChangeNothingThatACanaryRuns(t *testing.T) {
	for name, c := range map[string]struct {
		kind, from, to string
		reconciler     bool
		refused        string
	}{
		"another image":             {from: "podinfo:v2", to: "podinfo:v1", refused: "spec.template: Deployment podinfo-canary runs the candidate"},
		"another image by Sluice":   {from: "podinfo:v2", to: "podinfo:v1", reconciler: true},
		"a restart":                 {from: `"template":{`, to: `"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}},`, refused: "spec.template"},
		"replicas":                  {from: `"replicas":1`, to: `"replicas":5`},
		"a finalizer":               {from: `"labels"`, to: `"finalizers":["foregroundDeletion"],"labels"`},
		"a label":                   {from: `"labels":{`, to: `"labels":{"team":"a",`},
		"an annotation":             {from: `"annotations":{`, to: `"annotations":{"note":"a",`},
		"its role":                  {from: `"sluice.dev/role":"canary",`, to: "", refused: "metadata.labels[sluice.dev/role]"},
		"its primary":               {from: `"sluice.dev/primary":"podinfo"`, to: `"sluice.dev/primary":"x"`, refused: "metadata.labels[sluice.dev/primary]"},
		"its candidate":             {from: "7c9e41d2", to: "00000000", refused: "metadata.annotations[sluice.dev/template-hash]"},
		"its author":                {from: `"sluice.dev/requested-by":"pat"`, to: `"sluice.dev/requested-by":"root"`, refused: "metadata.annotations[sluice.dev/requested-by]"},
		"its deletion":              {from: generatedCanary, to: `{}`},
		"the Service of the canary": {kind: "Service", from: "podinfo:v2", to: "podinfo:v1"},
		"what means the same":       {from: `"template":{`, to: `"template":{"metadata":{"labels":{}},`},
	} {
		t.Run(name, func(t *testing.T) {
			kind := "Deployment"
			if c.kind != "" {
				kind = c.kind
			}
			old, updated := decoded(t, generatedCanary), decoded(t, strings.Replace(generatedCanary, c.from, c.to, 1))
			warnings, err := ValidateGenerated(kind, "podinfo-canary", old, updated, Request{User: "jane", Reconciler: c.reconciler})
			if refused := errText(err); !strings.HasPrefix(refused, c.refused) || (refused == "") != (c.refused == "") {
				t.Errorf("the error is %q", refused)
			}
			if warned := len(warnings) > 0; warned != (c.refused == "" && !c.reconciler) {
				t.Errorf("the warnings are %q", warnings)
			}
		})
	}
}

func decoded(t *testing.T, content string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := utiljson.Unmarshal([]byte(content), &object); err != nil {
		t.Fatal(err)
	}
	return runtime.DeepCopyJSON(object)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
