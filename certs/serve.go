package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Serving is the certificate that this replica serves. It is taken from the Secret as soon as the API server trusts it. It is
// not mounted as a file, because the kubelet updates mounted Secrets up to minutes late.
type Serving struct {
	client         client.Client
	configurations configurations
	options        Options

	pair    atomic.Pointer[tls.Certificate]
	problem atomic.Pointer[error]
}

var errNoCertificate = errors.New("the webhooks wait for their certificate")

func setupServing(manager ctrl.Manager, options Options) (*Serving, error) {
	everywhere := false
	watched, err := watch(manager, options)
	if err != nil {
		return nil, err
	}
	s := &Serving{client: manager.GetClient(), configurations: watched, options: options}
	s.problem.Store(&errNoCertificate)
	return s, watched.by(ctrl.NewControllerManagedBy(manager)).
		Named("certificate").
		WithOptions(controller.Options{NeedLeaderElection: &everywhere}).
		Complete(s)
}

// Certificate implements tls.Config.GetCertificate.
func (s *Serving) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if pair := s.pair.Load(); pair != nil {
		return pair, nil
	}
	return nil, errNoCertificate
}

// Ready returns why the API server cannot call this replica, or nil if it can.
func (s *Serving) Ready() error {
	if err := *s.problem.Load(); err != nil {
		return err
	}
	if last := s.pair.Load().Leaf.NotAfter; time.Now().After(last) {
		return fmt.Errorf("the webhooks' certificate expired at %s: see why Secret %s/%s was not renewed", last, s.options.Namespace, s.options.Secret)
	}
	return nil
}

// Reconcile serves the Secret's certificate once it is trusted. The authority may reach the webhook configurations later than
// the certificate reaches the Secret.
func (s *Serving) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	problem, err := s.take(ctx, request)
	s.problem.Store(&problem)
	return ctrl.Result{}, err
}

func (s *Serving) take(ctx context.Context, request ctrl.Request) (problem, err error) {
	var secret corev1.Secret
	if err := s.client.Get(ctx, request.NamespacedName, &secret); err != nil {
		err = fmt.Errorf("read Secret %s, which keeps the webhooks' certificate: %w", request, err)
		return err, client.IgnoreNotFound(err)
	}
	certificate, key := certificateOf(secret.Data)
	if len(certificate) == 0 {
		return fmt.Errorf("%w: Secret %s has none yet", errNoCertificate, request), nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("the webhooks' certificate in Secret %s cannot be used: %w", request, err), nil
	}
	problem = s.untrusted(ctx, &pair)
	if served := s.pair.Load(); problem != nil && served != nil && s.untrusted(ctx, served) == nil {
		log.FromContext(ctx).Info("still serving the webhooks' former certificate", "because", problem.Error())
		return nil, nil
	}
	s.pair.Store(&pair)
	return problem, nil
}

// untrusted returns an error that names a webhook configuration that does not trust the certificate.
func (s *Serving) untrusted(ctx context.Context, pair *tls.Certificate) error {
	found, err := s.configurations.read(ctx)
	if err != nil {
		return err
	}
	for _, c := range found {
		for _, hook := range c.hooks {
			if err := accepts(hook.CABundle, pair, s.options.Hosts[0]); err != nil {
				return fmt.Errorf("%s does not trust the webhooks' certificate yet: %w", c.name, err)
			}
		}
	}
	return nil
}

// accepts verifies the certificate as the API server does: with the authorities sent along, against the bundle.
func accepts(bundle []byte, pair *tls.Certificate, host string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between(pair)})
	return err
}
