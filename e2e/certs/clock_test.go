package certs

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/certs"
)

// clock is ahead of the time of this machine, by which the API server judges certificates. They begin five minutes before they are
// made, so the API server accepts those of a clock that is less ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// lifetimes are so short that the clock need not go further ahead than the API server accepts, and so long that nothing expires
// while a busy machine does one step.
var lifetimes = certs.Lifetimes{CA: 2 * time.Minute, Leaf: time.Minute}

// slow is how long one step may take on a machine with much to do.
const slow = 2 * time.Minute

// renewal is what the rotation writes and who has to know it.
type renewal struct {
	client.Client
	clock    clock
	options  certs.Options
	replicas [2]*replica
	looks    int
}

// next makes what is due next happen: it advances the clock once everybody knows the present certificate.
func (r *renewal) next(t *testing.T) {
	t.Helper()
	var due time.Duration
	until(t, "every replica serves the present certificate", func(ctx context.Context) (known bool) {
		due, known = r.atRest(ctx)
		return known
	})
	r.seenByTheAPIServer(t)
	r.clock.advance(due)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: r.options.Secret}}
	wake := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"woken":"%d"}}}`, r.looks))
	if err := r.Patch(t.Context(), secret, wake); err != nil {
		t.Fatal(err)
	}
}

// atRest reports whether the rotation has nothing to do now and both replicas serve what it has made, and when something is due.
func (r *renewal) atRest(ctx context.Context) (due time.Duration, rests bool) {
	var secret corev1.Secret
	var first, last admissionregistrationv1.MutatingWebhookConfiguration
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	for _, read := range []struct {
		key  client.ObjectKey
		into client.Object
	}{
		{client.ObjectKey{Namespace: namespace, Name: r.options.Secret}, &secret}, {client.ObjectKey{Name: r.options.Mutating}, &first},
		{client.ObjectKey{Name: r.options.Last}, &last}, {client.ObjectKey{Name: r.options.Validating}, &validating},
	} {
		if err := r.Get(ctx, read.key, read.into); err != nil {
			return 0, false
		}
	}
	for _, hook := range []admissionregistrationv1.WebhookClientConfig{first.Webhooks[0].ClientConfig, last.Webhooks[0].ClientConfig, validating.Webhooks[0].ClientConfig} {
		if !bytes.Equal(hook.CABundle, secret.Data["ca.crt"]) {
			return 0, false
		}
	}
	for _, replica := range r.replicas {
		if !replica.serves(secret.Data[corev1.TLSCertKey]) {
			return 0, false
		}
	}
	step, err := certs.Next(secret.Data, r.options.Hosts, r.options.Lifetimes, true, r.clock.now())
	return step.Wait, err == nil && step.Did == ""
}

// seenByTheAPIServer waits until the API server calls a webhook that is configured now. It reads configurations of a kind in the
// order in which they are written, so it knows all that were written before.
func (r *renewal) seenByTheAPIServer(t *testing.T) {
	t.Helper()
	r.looks++
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "look"}}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "look"}}
	for kind, look := range map[string]client.Object{"mutating": mutating, "validating": validating} {
		label := fmt.Sprintf("%s-%d", kind, r.looks)
		selected := client.RawPatch(types.JSONPatchType, fmt.Appendf(nil, `[{"op":"replace","path":"/webhooks/0/objectSelector","value":{"matchLabels":{"look":%q}}}]`, label))
		if err := r.Patch(t.Context(), look, selected); err != nil {
			t.Fatal(err)
		}
		until(t, "the API server has read "+label, func(ctx context.Context) bool {
			labelled := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "look", Labels: map[string]string{"look": label}}}
			err := r.Create(ctx, labelled, client.DryRunAll)
			return err != nil && strings.Contains(err.Error(), kind+".look.sluice.dev")
		})
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	condition := func(ctx context.Context) (bool, error) { return holds(ctx), nil }
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, slow, true, condition); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// looks returns webhooks that nobody serves, for objects that nobody creates yet.
func looks() []client.Object {
	none, versions := ptr.To(admissionregistrationv1.SideEffectClassNone), []string{"v1"}
	unserved := admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://localhost:1/")}
	nobody := &metav1.LabelSelector{MatchLabels: map[string]string{"look": "none"}}
	rules := configMaps(admissionregistrationv1.Create)
	name := metav1.ObjectMeta{Name: "look"}
	return []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.MutatingWebhook{
			{Name: "mutating.look.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, Rules: rules, ClientConfig: unserved, ObjectSelector: nobody},
		}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.ValidatingWebhook{
			{Name: "validating.look.sluice.dev", SideEffects: none, AdmissionReviewVersions: versions, Rules: rules, ClientConfig: unserved, ObjectSelector: nobody},
		}},
	}
}
