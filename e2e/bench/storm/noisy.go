//go:build !windows

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
)

const (
	noisyNamespace = "noisy"
	deployments    = 50
	// services is how many Services the tenant has. Those beyond one for each Deployment only make ticks dear.
	services = 500
)

// noisy is the tenant that causes ticks.
type noisy struct{ *testserver.Server }

func (n noisy) create(ctx context.Context) error {
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: noisyNamespace}}}
	own := gateway()
	own.Namespace = noisyNamespace
	objects = append(objects, own)
	for i := range services {
		objects = append(objects, &corev1.Service{ObjectMeta: named(i), Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone,
			Selector: map[string]string{"app": name(i)}, Ports: []corev1.ServicePort{{Port: 80}}}})
	}
	for i := range deployments {
		d := deployment(named(i), map[string]string{"app": name(i)})
		objects = append(objects, d, route(d.ObjectMeta))
	}
	template := &v1alpha1.MetricTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: noisyNamespace, Name: "unused"}}
	template.Spec.Query = "vector(1)"
	for _, object := range append(objects, template) {
		if err := n.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create the noisy tenant: %w", err)
		}
	}
	// The controllers stop then, because they list all Services in each round.
	defer n.PlayControllers(noisyNamespace)()
	return until(ctx, patience, "the noisy tenant is initialized", func() bool {
		var canaries v1alpha1.CanaryList
		_ = n.Client.List(ctx, &canaries, client.InNamespace(noisyNamespace))
		known := 0
		for _, canary := range canaries.Items {
			if canary.Status.Phase == v1alpha1.PhaseInitialized {
				known++
			}
		}
		return known == deployments
	})
}

func name(i int) string { return fmt.Sprintf("app-%03d", i) }

func named(i int) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: noisyNamespace, Name: name(i)}
}

// relabel changes a label of a Service of one of the Deployments.
func (n noisy) relabel(ctx context.Context, i int) error {
	return n.Client.Patch(ctx, &corev1.Service{ObjectMeta: named(i % deployments)}, relabelled(i))
}

// touch changes a label of one of the Deployments.
func (n noisy) touch(ctx context.Context, i int) error {
	return n.Client.Patch(ctx, deployment(named(i%deployments), nil), relabelled(i))
}

func relabelled(i int) client.Patch {
	return client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"i":"%d"}}}`, i))
}

// editTemplate changes a MetricTemplate that no policy names.
func (n noisy) editTemplate(ctx context.Context, i int) error {
	template := &v1alpha1.MetricTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: noisyNamespace, Name: "unused"}}
	return n.Client.Patch(ctx, template, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"query":"vector(%d)"}}`, i)))
}

var optedIn = map[string]string{config.AnnotationCanary: "true", config.AnnotationGuard: "false", config.AnnotationInterval: "1s", config.AnnotationThreshold: "1"}
