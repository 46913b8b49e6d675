//go:build !windows

// Command admission measures what Sluice's admission adds to updates of Deployments on a real API server.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"go.uber.org/zap/zapcore"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
)

const (
	rate    = 50 // updates per second
	updates = 20 * rate
)

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapcore.ErrorLevel)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// kind is one kind of update. Each kind has its own Deployment.
type kind struct {
	name, what string
	optedIn    bool
	patch      func(i int) client.Patch
	owner      client.FieldOwner
	times      []time.Duration
	calls      int64
}

func run(ctx context.Context) error {
	server, err := testserver.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	kinds := []*kind{
		{name: "plain", what: "label, not opted in", patch: label, owner: "kubectl-label"},
		{name: "opted-in", what: "label, opted in", optedIn: true, patch: label, owner: "kubectl-label"},
		{name: "plain-image", what: "image, not opted in", patch: image, owner: "kubectl-set"},
		{name: "held", what: "image, opted in: held back", optedIn: true, patch: image, owner: "kubectl-set"},
		{name: "plain-applied", what: "server-side apply, not opted in", patch: apply("plain-applied"), owner: "flux"},
		{name: "applied", what: "server-side apply, opted in: held back", optedIn: true, patch: apply("applied"), owner: "flux"},
	}
	for _, k := range kinds {
		if err := k.create(ctx, server); err != nil {
			return err
		}
	}
	fmt.Printf("measuring %d updates of each kind, %d per second; this takes %s\n", updates, rate, time.Duration(len(kinds)*updates/rate)*time.Second)
	// The kinds take turns, so that other work of the machine affects all of them alike.
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	for i := range updates * len(kinds) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if err := kinds[i%len(kinds)].update(ctx, server, i); err != nil {
			return err
		}
	}
	print(kinds)
	return nil
}

func (k *kind) deployment() *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: k.name}}
}

// create creates a Deployment that serves, of a size that is usual in production.
func (k *kind) create(ctx context.Context, server *testserver.Server) error {
	d := k.deployment()
	d.Annotations = map[string]string{config.AnnotationCanary: fmt.Sprint(k.optedIn)}
	pods := map[string]string{"app": k.name}
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: pods}
	d.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "app", Image: "podinfo:v0"}, {Name: "sidecar", Image: "proxy:v0"}},
	}}
	for i := range 30 {
		d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("V%d", i), Value: "value"})
	}
	if err := server.Client.Create(ctx, d, client.FieldOwner("helm")); err != nil {
		return fmt.Errorf("create Deployment %s: %w", k.name, err)
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1, ReadyReplicas: 1}
	if err := server.Client.Status().Update(ctx, d); err != nil {
		return fmt.Errorf("make Deployment %s available: %w", k.name, err)
	}
	return nil
}

func label(i int) client.Patch {
	return client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"i":"%d"}}}`, i))
}

func image(i int) client.Patch {
	return client.RawPatch(types.StrategicMergePatchType, fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v%d"}]}}}}`, i+1))
}

func apply(name string) func(int) client.Patch {
	return func(i int) client.Patch {
		return client.RawPatch(types.ApplyPatchType, fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":%q},
			"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v%d","env":[{"name":"V%d","value":"%d"}]}]}}}}`, name, i+1, i%30, i))
	}
}

func (k *kind) update(ctx context.Context, server *testserver.Server, i int) error {
	options := []client.PatchOption{k.owner}
	if k.owner == "flux" {
		options = append(options, client.ForceOwnership)
	}
	before, started := server.Calls.Load(), time.Now()
	if err := server.Client.Patch(ctx, k.deployment(), k.patch(i), options...); err != nil {
		return fmt.Errorf("update Deployment %s: %w", k.name, err)
	}
	k.times = append(k.times, time.Since(started))
	k.calls += server.Calls.Load() - before
	return nil
}

// quantile returns the value below which this share of the times lies, by nearest rank.
func (k *kind) quantile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(k.times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// print compares every kind with the previous one, which is the same kind without opt-in.
func print(kinds []*kind) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "update\tcalls\tp50\tp99\tadded p50\tadded p99")
	for i, k := range kinds {
		added := "-\t-"
		if k.optedIn {
			added = fmt.Sprintf("%s\t%s", milliseconds(k.quantile(0.5)-kinds[i-1].quantile(0.5)), milliseconds(k.quantile(0.99)-kinds[i-1].quantile(0.99)))
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", k.what, k.calls, milliseconds(k.quantile(0.5)), milliseconds(k.quantile(0.99)), added)
	}
	_ = w.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
