package reconciler

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// holding returns a Deployment with a candidate whose template has a text.
func holding(t *testing.T, name, text string) *appsv1.Deployment {
	t.Helper()
	template := workload.Template{"spec": map[string]any{"x": text}}
	value, err := workload.Candidate{Hash: template.Hash(), Template: template}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: map[string]string{config.AnnotationCandidate: value}}}
}

func TestRecordsAreDecodedOnce(t *testing.T) {
	var r records
	first := holding(t, "podinfo", "v1")
	known := r.of(first).candidate
	scaled := first.DeepCopy()
	scaled.ResourceVersion = "2"
	if r.of(scaled).candidate != known {
		t.Error("an unchanged candidate was decoded again")
	}
	if now := r.of(holding(t, "podinfo", "v2")).candidate; now == nil || now.Hash == known.Hash {
		t.Errorf("got %+v after a change", now)
	}
	if now := r.of(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "podinfo"}}).candidate; now != nil {
		t.Errorf("got %+v although it is gone", now)
	}
	if none := r.of(nil); none.candidate != nil || none.previous != nil || none.directs != nil || none.leftOut != nil {
		t.Error("a Deployment that does not exist holds something")
	}
	r.forget(client.ObjectKeyFromObject(first))
	if len(r.known) > 0 || r.size != 0 {
		t.Errorf("%d records of %d bytes are left", len(r.known), r.size)
	}
}

func TestDecodedRecordsAreBounded(t *testing.T) {
	var r records
	text := strings.Repeat("x", 900<<10)
	for i := range 100 {
		r.of(holding(t, fmt.Sprint("podinfo-", i), text))
		if r.size > mostRecords {
			t.Fatalf("%d records take %d bytes", len(r.known), r.size)
		}
	}
	sum := 0
	for _, one := range r.known {
		sum += one.size
	}
	if len(r.known) < 20 || sum != r.size {
		t.Errorf("%d records take %d bytes, and %d are counted", len(r.known), sum, r.size)
	}
}
