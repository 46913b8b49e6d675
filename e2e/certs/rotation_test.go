// Package certs tests that no call of admission fails while certificates are replaced, with a real API server that calls two
// replicas.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/e2e/binaries"
)

const namespace = "default"

// startServer starts a real API server.
func startServer(t *testing.T) *rest.Config {
	t.Helper()
	dir, err := binaries.Ensure(t.Context(), os.Stderr, "etcd", "kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: dir, ControlPlaneStartTimeout: slow}
	restConfig, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = environment.Stop() })
	return restConfig
}

// replica is one process that serves admission on its own port. Every call needs a new connection.
type replica struct {
	*certs.Serving
	calls atomic.Int64
}

func startReplica(t *testing.T, restConfig *rest.Config, port int, options certs.Options) *replica {
	t.Helper()
	r := &replica{}
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: []func(*tls.Config){func(c *tls.Config) {
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return r.Certificate(hello) }
	}}})
	manager, err := ctrl.NewManager(restConfig, ctrl.Options{
		Metrics:        metricsserver.Options{BindAddress: "0"},
		WebhookServer:  server,
		Cache:          cache.Options{ByObject: certs.CacheOf(options)},
		Controller:     crconfig.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection: true, LeaderElectionID: "sluice", LeaderElectionNamespace: namespace,
		// A replica that is late because the machine is busy keeps the lease.
		LeaseDuration: ptr.To(2 * slow), RenewDeadline: ptr.To(slow),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Serving, err = certs.Serve(manager, options); err != nil {
		t.Fatal(err)
	}
	if err := certs.Rotate(manager, options); err != nil {
		t.Fatal(err)
	}
	allow := &webhook.Admission{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })}
	manager.GetWebhookServer().Register("/", http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.calls.Add(1)
		w.Header().Set("Connection", "close")
		allow.ServeHTTP(w, request)
	}))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("a replica ended with %v", err)
		}
	})
	return r
}

// serves reports whether the replica serves a certificate.
func (r *replica) serves(encoded []byte) bool {
	block, _ := pem.Decode(encoded)
	pair, err := r.Certificate(nil)
	return err == nil && block != nil && bytes.Equal(pair.Certificate[0], block.Bytes)
}

func configMaps(operation admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: []admissionregistrationv1.OperationType{operation},
		Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
	}}
}

// configure makes both replicas judge every update of a ConfigMap in the namespace.
func configure(t *testing.T, c client.Client, ports [2]int) {
	t.Helper()
	calling := func(port int) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{URL: ptr.To(fmt.Sprintf("https://localhost:%d/", port))}
	}
	rules := configMaps(admissionregistrationv1.Update)
	none, versions, longest := ptr.To(admissionregistrationv1.SideEffectClassNone), []string{"v1"}, ptr.To(int32(30))
	name := metav1.ObjectMeta{Name: "zz-sluice"}
	for _, object := range append(looks(),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sluice-webhook"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "updated"}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.MutatingWebhook{
			{Name: "mutating.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, TimeoutSeconds: longest, Rules: rules, ClientConfig: calling(ports[0])},
		}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zzzzzzzz-sluice"}, Webhooks: []admissionregistrationv1.MutatingWebhook{
			{Name: "last.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, TimeoutSeconds: longest, Rules: rules, ClientConfig: calling(ports[0])},
		}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.ValidatingWebhook{
			{Name: "validating.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, TimeoutSeconds: longest, Rules: rules, ClientConfig: calling(ports[1])},
		}},
	) {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// ports returns two free ports.
func ports(t *testing.T) [2]int {
	t.Helper()
	var found [2]int
	for i := range found {
		options := envtest.WebhookInstallOptions{}
		if err := options.PrepWithoutInstalling(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = options.Cleanup() })
		found[i] = options.LocalServingPort
	}
	return found
}

// updates changes a ConfigMap without pause, so that both replicas are asked, and counts the changes. The first failure ends it.
type updates struct {
	count  atomic.Int64
	failed chan error
}

func (u *updates) begin(t *testing.T, c client.Client) {
	u.failed = make(chan error, 1)
	go func() {
		// Many updates, and yet some rest for the API server. Nothing waits for the pace.
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for t.Context().Err() == nil {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "updated"}}
			patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"data":{"update":"%d"}}`, u.count.Add(1)))
			if err := c.Patch(t.Context(), object, patch); err != nil {
				u.failed <- err
				return
			}
			<-pace.C
		}
	}()
}

// expectMore waits until several changes have been admitted after this moment.
func (u *updates) expectMore(t *testing.T) {
	t.Helper()
	const several = 5
	before := u.count.Load()
	until(t, "admitted changes", func(context.Context) bool {
		select {
		case err := <-u.failed:
			t.Fatalf("change %d: %v", u.count.Load(), err)
		default:
		}
		return u.count.Load() > before+several
	})
}

// TestNoAdmissionFailsWhileCertificatesRotate replaces several authorities and certificates. The clock waits for everybody, so a slow
// machine only takes longer.
func TestNoAdmissionFailsWhileCertificatesRotate(t *testing.T) {
	restConfig := startServer(t)
	c, err := client.New(restConfig, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addresses := ports(t)
	configure(t, c, addresses)
	r := &renewal{Client: c}
	r.options = certs.Options{
		Namespace: namespace, Secret: "sluice-webhook", Hosts: []string{"localhost"}, Mutating: "zz-sluice", Last: "zzzzzzzz-sluice", Validating: "zz-sluice",
		Rotate: true, Lifetimes: lifetimes, Now: r.clock.now,
	}
	r.replicas = [2]*replica{startReplica(t, restConfig, addresses[0], r.options), startReplica(t, restConfig, addresses[1], r.options)}
	until(t, "both replicas are ready", func(context.Context) bool { return r.replicas[0].Ready() == nil && r.replicas[1].Ready() == nil })
	r.seenByTheAPIServer(t)
	var changes updates
	changes.begin(t, c)
	leaves, authorities := map[string]bool{}, map[string]bool{}
	for len(authorities) < 4 || len(leaves) < 6 {
		r.next(t)
		changes.expectMore(t)
		for _, replica := range r.replicas {
			pair, err := replica.Certificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			leaves[pair.Leaf.SerialNumber.String()], authorities[string(pair.Leaf.AuthorityKeyId)] = true, true
		}
	}
	count := changes.count.Load()
	for i, replica := range r.replicas {
		if calls := replica.calls.Load(); calls < count-1 {
			t.Errorf("replica %d was asked %d times in %d changes", i, calls, count)
		}
	}
	t.Logf("%d changes, %d authorities, %d certificates, the clock is %s ahead", count, len(authorities), len(leaves), time.Duration(r.clock.ahead.Load()))
}
