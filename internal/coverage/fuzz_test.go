package coverage

import (
	"testing"
	"time"
)

// FuzzRead reads any text as an object of every kind. It never panics, keeps little, and takes little time.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `[]`, `{"metadata":{"name":"a"},"spec":"x","specs":{}}`,
		`{"metadata":{"namespace":"shop","name":"a"},"spec":{"selector":"((((app == 'podinfo')","endpointSelector":{"matchLabels":{"k8s:app":"podinfo"}}}}`,
		`{"spec":{"selector":{"matchLabels":{"app":"podinfo"},"matchExpressions":[{"key":"","operator":"In"}]},"host":"....","targetRefs":[{"kind":"Service"}]}}`,
		`{"spec":{"match":{"name":"**********a","kinds":null},"rules":[{"match":{"any":[{"resources":{"kinds":["*"],"names":["?*?*"]}}]}}]}}`,
		`{"spec":{"subject":{"pods":{"podSelector":null}},"ingress":[{"from":[{}],"fromEndpoints":[{}],"source":{"selector":"!!!!has(x)","services":{"name":"x"}}}]}}`,
		`{"spec":{"targetRef":{"kind":"MeshSubset","tags":{"kuma.io/service":"_"}},"from":[{"targetRef":{"kind":"MeshService"}}],"policyName":"a"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		var objects []Object
		for _, kind := range Kinds() {
			o := Read(kind, []byte(text))
			if o.Size > mostTests {
				t.Errorf("%s keeps %d tests", kind.Kind, o.Size)
			}
			objects = append(objects, o)
		}
		for _, miss := range Missed(objects, primary, canary) {
			if miss.Object == "" || miss.Ref == "" {
				t.Errorf("%+v", miss)
			}
		}
		if took := time.Since(began); took > time.Second+time.Duration(len(text))*time.Millisecond {
			t.Errorf("%d bytes took %s", len(text), took)
		}
	})
}
