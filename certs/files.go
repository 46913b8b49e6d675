package certs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// files writes the Secret's certificate to the folder that the webhook server reads, on every replica and as soon as the
// Secret changes: a mounted Secret would follow only after the kubelet's next look, up to minutes later.
type files struct {
	client  client.Client
	options Options
}

func setupFiles(manager ctrl.Manager, options Options) error {
	everywhere := false
	return ctrl.NewControllerManagedBy(manager).
		Named("certificate").
		For(&corev1.Secret{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
			return object.GetNamespace() == options.Namespace && object.GetName() == options.Secret
		}))).
		WithOptions(controller.Options{NeedLeaderElection: &everywhere}).
		Complete(&files{client: manager.GetClient(), options: options})
}

// Reconcile writes the key before the certificate, whose change the server waits for.
func (f *files) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var secret corev1.Secret
	if err := f.client.Get(ctx, request.NamespacedName, &secret); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	certificate, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(certificate) == 0 || len(key) == 0 {
		return ctrl.Result{}, nil
	}
	if err := os.MkdirAll(f.options.Dir, 0o700); err != nil {
		return ctrl.Result{}, fmt.Errorf("make the folder of the webhooks' certificate: %w", err)
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{corev1.TLSPrivateKeyKey, key}, {corev1.TLSCertKey, certificate}} {
		if err := replace(filepath.Join(f.options.Dir, file.name), file.content); err != nil {
			return ctrl.Result{}, fmt.Errorf("write the webhooks' certificate: %w", err)
		}
	}
	return ctrl.Result{}, nil
}

// replace leaves no moment in which the file is half written.
func replace(path string, content []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
