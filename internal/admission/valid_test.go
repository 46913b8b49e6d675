package admission

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// selecting returns a Deployment with a selector, whose template is changed.
func selecting(image string, annotations map[string]string, change func(template, pod, container map[string]any)) map[string]any {
	object := deployment(image, annotations)
	spec := object["spec"].(map[string]any)
	spec["selector"] = map[string]any{"matchLabels": map[string]any{"app": "podinfo"}}
	template := spec["template"].(map[string]any)
	pod := template["spec"].(map[string]any)
	if change != nil {
		change(template, pod, pod["containers"].([]any)[0].(map[string]any))
	}
	return object
}

func TestATemplateThatTheAPIServerWouldRefuseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(template, pod, container map[string]any)
		says   string
	}{
		"another image": {change: func(_, _, _ map[string]any) {}},
		"labels against the selector": {func(template, _, _ map[string]any) {
			template["metadata"] = map[string]any{"labels": map[string]any{"app": "podinfo2"}}
		}, `spec.template.metadata.labels: Invalid value: {"app":"podinfo2"}: ` + "`selector` does not match template `labels`"},
		"a mount without a volume": {func(_, _, container map[string]any) {
			container["volumeMounts"] = []any{map[string]any{"name": "settings", "mountPath": "/etc/demo"}}
		}, `spec.template.spec.containers[0].volumeMounts[0].name: Not found: "settings"`},
		"a port out of range": {func(_, _, container map[string]any) {
			container["ports"] = []any{map[string]any{"containerPort": int64(70000)}}
		}, "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"},
		"a bad name":               {func(_, _, container map[string]any) { container["name"] = "BAD_name" }, `spec.template.spec.containers[0].name: Invalid value: "BAD_name": `},
		"restartPolicy":            {func(_, pod, _ map[string]any) { pod["restartPolicy"] = "Never" }, `spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
		"no image":                 {func(_, _, container map[string]any) { delete(container, "image") }, "spec.template.spec.containers[0].image: Required value"},
		"no containers":            {func(_, pod, _ map[string]any) { pod["containers"] = []any{} }, "spec.template.spec.containers: Required value"},
		"two containers of a name": {func(_, pod, container map[string]any) { pod["containers"] = []any{container, container} }, `spec.template.spec.containers[1].name: Duplicate value: "app"`},
		"what a flag of the API server decides": {change: func(_, _, container map[string]any) {
			container["securityContext"] = map[string]any{"privileged": true}
		}},
		"a field of a newer Kubernetes": {change: func(_, pod, _ map[string]any) { pod["fromTheFuture"] = "yes" }},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Render(selecting("v1", nil, nil), selecting("v2", nil, c.change), someone)
			if c.says == "" {
				if err != nil || len(result.Warnings) == 0 {
					t.Fatalf("got %v, %v", result.Warnings, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, not %s", err, c.says)
			}
			if status := apierrors.APIStatus(nil); !errors.As(err, &status) || status.Status().Code != 422 || status.Status().Details.Kind != "Deployment" {
				t.Errorf("got %#v, which is not the API server's status", err)
			}
		})
	}
}

// TestWhatTheLiveTemplateHasIsNoMistake holds that rules which the API server evidently does not have refuse nothing.
func TestWhatTheLiveTemplateHasIsNoMistake(t *testing.T) {
	newer := func(_, pod, _ map[string]any) { pod["dnsPolicy"] = "FromTheFuture" }
	if _, err := Render(selecting("v1", nil, newer), selecting("v2", nil, newer), someone); err != nil {
		t.Error(err)
	}
	if _, err := Render(selecting("v1", nil, nil), selecting("v2", nil, newer), someone); err == nil {
		t.Error("a value that the API server does not know was held back")
	}
}

// TestWhatSeveralManagersLeaveBehindIsExplained removes a container from the candidate whose env is then changed.
func TestWhatSeveralManagersLeaveBehindIsExplained(t *testing.T) {
	template, _ := templateOf(selecting("v2", nil, func(_, pod, _ map[string]any) {
		pod["containers"] = []any{map[string]any{"name": "other", "image": "v2"}}
	}))
	held, _ := workload.Candidate{Hash: template.Hash(), Template: template, At: someone.Now}.Encode()
	annotations := map[string]string{config.AnnotationCandidate: held}
	changed := selecting("v1", annotations, func(_, _, container map[string]any) {
		container["env"] = []any{map[string]any{"name": "A", "value": "b"}}
	})
	_, err := Render(selecting("v1", annotations, nil), changed, someone)
	if want := "spec.template.spec.containers[1].image: Required value: another field manager had set it"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, not %s", err, want)
	}
}
