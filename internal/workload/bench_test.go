package workload

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BenchmarkIdentityFor searches among 12 labels in a namespace of 1000 Services, ten of which are the Deployment's.
func BenchmarkIdentityFor(b *testing.B) {
	for name, more := range map[string]map[string]string{"found": nil, "not found": {"sluice.dev/tier": "web"}} {
		b.Run(name, func(b *testing.B) {
			pod := map[string]string{"sluice.dev/tier": "web"}
			for i := range 12 {
				pod[fmt.Sprint("label-", i)] = "web"
			}
			var services []corev1.Service
			for i := range 1000 {
				selector := map[string]string{"app": fmt.Sprint("other-", i)}
				if i%100 == 0 {
					selector = map[string]string{fmt.Sprint("label-", i/100): "web"}
				}
				services = append(services, corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("s-", i)}, Spec: corev1.ServiceSpec{Selector: selector}})
			}
			if more != nil {
				services[500].Spec.Selector = more
			}
			primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
			primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"label-11": "web"}}
			primary.Spec.Template.Labels = pod
			for b.Loop() {
				if _, err := IdentityFor(primary, primary.Spec.Template, services, nil); (err == nil) != (more == nil) {
					b.Fatal(err)
				}
			}
		})
	}
}
