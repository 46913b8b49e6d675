// Package certs tests that no call of admission fails while certificates are replaced, with a real API server that calls two
// replicas.
package certs

import (
	"context"
	"crypto/tls"
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
	"k8s.io/apimachinery/pkg/util/wait"
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

// seconds are lifetimes so short that everything happens several times in one test.
var seconds = certs.Options{
	Namespace: namespace, Secret: "sluice-webhook", Hosts: []string{"localhost"}, Mutating: "zz-sluice", Last: "zzzzzzzz-sluice", Validating: "zz-sluice",
	Rotate: true, Lifetimes: certs.Lifetimes{CA: 6 * time.Second, Leaf: 3 * time.Second},
}

// startServer starts a real API server.
func startServer(t *testing.T) *rest.Config {
	t.Helper()
	dir, err := binaries.Ensure(t.Context(), os.Stderr, "etcd", "kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: dir}
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

// configure makes both replicas judge every update of a ConfigMap in the namespace.
func configure(t *testing.T, c client.Client, ports [2]int) {
	t.Helper()
	calling := func(port int) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{URL: ptr.To(fmt.Sprintf("https://localhost:%d/", port))}
	}
	rules := []admissionregistrationv1.RuleWithOperations{{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
		Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
	}}
	none, versions := ptr.To(admissionregistrationv1.SideEffectClassNone), []string{"v1"}
	name := metav1.ObjectMeta{Name: "zz-sluice"}
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sluice-webhook"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "updated"}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.MutatingWebhook{
			{Name: "mutating.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, Rules: rules, ClientConfig: calling(ports[0])},
		}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zzzzzzzz-sluice"}, Webhooks: []admissionregistrationv1.MutatingWebhook{
			{Name: "last.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, Rules: rules, ClientConfig: calling(ports[0])},
		}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.ValidatingWebhook{
			{Name: "validating.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, Rules: rules, ClientConfig: calling(ports[1])},
		}},
	} {
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

func TestNoAdmissionFailsWhileCertificatesRotate(t *testing.T) {
	restConfig := startServer(t)
	c, err := client.New(restConfig, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addresses := ports(t)
	configure(t, c, addresses)
	replicas := [2]*replica{startReplica(t, restConfig, addresses[0], seconds), startReplica(t, restConfig, addresses[1], seconds)}
	ready := func(context.Context) (bool, error) {
		return replicas[0].Ready() == nil && replicas[1].Ready() == nil, nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 30*time.Second, true, ready); err != nil {
		t.Fatalf("not ready: %v, %v", replicas[0].Ready(), replicas[1].Ready())
	}
	leaves, authorities, updates := map[string]bool{}, map[string]bool{}, int64(0)
	limit := time.Now().Add(time.Minute)
	rate := time.NewTicker(20 * time.Millisecond)
	defer rate.Stop()
	for ; len(authorities) < 4 || len(leaves) < 6; <-rate.C {
		if time.Now().After(limit) {
			t.Fatalf("after a minute there were only %d authorities and %d certificates", len(authorities), len(leaves))
		}
		updates++
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "updated"}}
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"data":{"update":"%d"}}`, updates))
		if err := c.Patch(t.Context(), object, patch); err != nil {
			t.Fatalf("update %d, with %d authorities and %d certificates: %v", updates, len(authorities), len(leaves), err)
		}
		for _, r := range replicas {
			pair, err := r.Certificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			leaves[pair.Leaf.SerialNumber.String()], authorities[string(pair.Leaf.AuthorityKeyId)] = true, true
		}
	}
	for i, r := range replicas {
		if calls := r.calls.Load(); calls < updates {
			t.Errorf("replica %d was asked %d times in %d updates", i, calls, updates)
		}
	}
	t.Logf("%d updates, %d authorities, %d certificates", updates, len(authorities), len(leaves))
}
