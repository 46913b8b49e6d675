package certs

import (
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

var settings = Options{Namespace: "default", Secret: "sluice-webhook", Hosts: []string{"localhost"}, Mutating: "sluice", Last: "zzz-sluice", Validating: "sluice"}

// unfilled is a cluster whose Secret is empty and whose webhook configurations trust nobody.
func unfilled() client.Client {
	name := metav1.ObjectMeta{Name: settings.Mutating}
	return fake.NewClientBuilder().WithObjects(
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: settings.Namespace, Name: settings.Secret}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "mutating.sluice.dev"}}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: settings.Last},
			Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "last.sluice.dev"}}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "validating.sluice.dev"}}},
	).Build()
}

// others is a Secret that something else fills. The authority reaches the webhook configurations later.
type others struct {
	*testing.T
	client  client.Client
	serving *Serving
}

func (o *others) fill(made map[string][]byte) {
	o.Helper()
	var secret corev1.Secret
	if err := o.client.Get(o.Context(), types.NamespacedName{Namespace: settings.Namespace, Name: settings.Secret}, &secret); err != nil {
		o.Fatal(err)
	}
	secret.Data = made
	if err := o.client.Update(o.Context(), &secret); err != nil {
		o.Fatal(err)
	}
}

func (o *others) trust(bundle []byte) {
	o.Helper()
	found, err := o.serving.configurations.read(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	for _, c := range found {
		for _, hook := range c.hooks {
			hook.CABundle = bundle
		}
		if err := o.client.Update(o.Context(), c.object); err != nil {
			o.Fatal(err)
		}
	}
}

// served returns the content of the Secret that the replica serves after a reconcile, and whether it is ready.
func (o *others) served(ready bool) []byte {
	o.Helper()
	request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: settings.Namespace, Name: settings.Secret}}
	if _, err := o.serving.Reconcile(o.Context(), request); err != nil {
		o.Fatal(err)
	}
	if err := o.serving.Ready(); (err == nil) != ready {
		o.Errorf("ready: %v", err)
	}
	return encoded(o.serving.pair.Load().Leaf)
}

func TestFormerCertificateIsServedUntilTheNewOneIsTrusted(t *testing.T) {
	c := unfilled()
	o := &others{t, c, &Serving{client: c, configurations: configurations{options: settings, main: c, last: c}, options: settings}}
	var made [2]map[string][]byte
	for i := range made {
		step, err := Next(nil, settings.Hosts, lifetimes, false, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		made[i] = step.Data
	}
	both := append(made[0][bundleKey], made[1][bundleKey]...)
	expect := func(moment string, ready bool, want map[string][]byte) {
		t.Helper()
		if got := o.served(ready); string(got) != string(want[corev1.TLSCertKey]) {
			t.Errorf("%s: another certificate is served", moment)
		}
	}
	o.fill(made[0])
	expect("the first one is there, and nobody trusts it", false, made[0])
	o.trust(made[0][bundleKey])
	expect("the first one is trusted", true, made[0])
	o.fill(made[1])
	expect("the second one is there, and nobody trusts it", true, made[0])
	o.trust(both)
	expect("both are trusted", true, made[1])
	o.fill(made[0])
	o.trust(made[0][bundleKey])
	expect("the second one is not trusted any more", true, made[0])
}
