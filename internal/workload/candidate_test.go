package workload

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/google/go-cmp/cmp"
)

func templateWith(change func(*corev1.PodTemplateSpec)) Template {
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}}
	change(&pod)
	template, err := TemplateOf(pod)
	if err != nil {
		panic(err)
	}
	return template
}

func cpu(quantity string) func(*corev1.PodTemplateSpec) {
	return func(pod *corev1.PodTemplateSpec) {
		pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}
	}
}

func nothing(*corev1.PodTemplateSpec) {}

func withField(template Template, key string, value any) Template {
	template["spec"].(map[string]any)[key] = value
	return template
}

func TestEqual(t *testing.T) {
	for name, c := range map[string]struct {
		a, b Template
		want bool
	}{
		"the same":                                     {templateWith(nothing), templateWith(nothing), true},
		"quantities are compared by their value":       {withField(templateWith(cpu("1")), "x", nil), withField(templateWith(cpu("1")), "y", nil), true},
		"1000m of CPU is 1":                            {templateWith(cpu("1")), rawCPU("1000m"), true},
		"another image":                                {templateWith(nothing), templateWith(func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image = "podinfo:v2" }), false},
		"an empty list is an absent one":               {templateWith(nothing), withField(templateWith(nothing), "tolerations", []any{}), true},
		"fields that this release does not know count": {templateWith(nothing), withField(templateWith(nothing), "fromTheFuture", "x"), false},
		"an empty emptyDir says something": {withField(templateWith(nothing), "volumes", []any{map[string]any{"name": "a", "hostPath": map[string]any{"path": "/"}}}),
			withField(templateWith(nothing), "volumes", []any{map[string]any{"name": "a", "emptyDir": map[string]any{}}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Equal(c.a, c.b); got != c.want {
				t.Errorf("got %v", got)
			}
			if got := Equal(c.b, c.a); got != c.want {
				t.Errorf("the other way round: got %v", got)
			}
		})
	}
}

func rawCPU(quantity string) Template {
	template := templateWith(cpu("1"))
	containers := template["spec"].(map[string]any)["containers"].([]any)
	containers[0].(map[string]any)["resources"] = map[string]any{"requests": map[string]any{"cpu": quantity}}
	return template
}

// TestHashIsTheSameInEveryRelease pins sha256sum over the sorted JSON. Candidates that an earlier release has held back are
// named by this hash.
func TestHashIsTheSameInEveryRelease(t *testing.T) {
	template := Template{"metadata": map[string]any{"creationTimestamp": nil, "labels": map[string]any{"app": "podinfo"}},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "podinfo:v1"}}}}
	if got, want := template.Hash(), "5aa4596b6e0513d533adec8a59dcebddc72f486f839419e530450a5525ffce4b"; got != want {
		t.Errorf("got %s, not %s", got, want)
	}
}

func TestCandidateSurvivesTheAnnotation(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, env := range map[string]int{"small": 1, "large enough to be compressed": 2000} {
		t.Run(name, func(t *testing.T) {
			want := Candidate{Template: templateWith(func(p *corev1.PodTemplateSpec) {
				for i := range env {
					p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: "V" + strconv.Itoa(i), Value: "some value that repeats"})
				}
			}), By: "jane", At: at, Manager: "kubectl-set", Mark: MarkFailed, MarkedBy: "sluice", MarkedAt: &at, Attempt: 2}
			want.Hash = want.Template.Hash()
			text, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeCandidate(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || got.Template.Hash() != want.Hash {
				t.Errorf("hash %s, %s", got.Template.Hash(), diff)
			}
		})
	}
}

func TestATemplateThatDoesNotFitIsRefusedWithItsSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300<<10)
	for i := range noise {
		noise[i] = byte('!' + random.IntN(90))
	}
	_, err := Candidate{Template: templateWith(func(p *corev1.PodTemplateSpec) {
		p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "V", Value: string(noise)}}
	})}.Encode()
	if err == nil || !strings.Contains(err.Error(), "KiB as JSON") || !strings.Contains(err.Error(), "opt out") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecodeCandidate(f *testing.F) {
	for _, seed := range []string{"", "{}", "gzip:", "gzip:H4sI", `{"hash":"a","template":{}}`, `{"hash":"a","template":null}`, `{"hash":1}`, `{"hash":"a","template":{"spec":[]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		candidate, err := DecodeCandidate(value)
		if err != nil {
			return
		}
		if candidate.Hash == "" || candidate.Template == nil {
			t.Errorf("decoded without hash or template: %q", value)
		}
		_, _ = candidate.Template.Pod()
		_ = Equal(candidate.Template, Template{})
	})
}
