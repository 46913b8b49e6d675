package reconciler

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
)

// stored holds the objects that a test reads, by name. A nil object may not be read.
type stored map[string]client.Object

func (s stored) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	object, known := s[key.String()]
	switch resource := (schema.GroupResource{Resource: "secrets"}); {
	case !known:
		return apierrors.NewNotFound(resource, key.Name)
	case object == nil:
		return apierrors.NewForbidden(resource, key.Name, nil)
	}
	switch into := into.(type) {
	case *v1alpha1.MetricTemplate:
		object.(*v1alpha1.MetricTemplate).DeepCopyInto(into)
	case *corev1.Secret:
		object.(*corev1.Secret).DeepCopyInto(into)
	}
	return nil
}

func (stored) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func secretWith(data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{config.LabelCredentials: "true"}}, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

func TestReadTemplates(t *testing.T) {
	const query = "up"
	provider := func(p v1alpha1.MetricProvider) *v1alpha1.MetricTemplate {
		return &v1alpha1.MetricTemplate{Spec: v1alpha1.MetricTemplateSpec{Query: query, Provider: p}}
	}
	elsewhere := v1alpha1.MetricProvider{Type: "prometheus", Address: "https://prometheus.test", Headers: map[string]v1alpha1.HeaderValues{"X-Scope-OrgID": {"a"}}, InsecureSkipVerify: true}
	withSecret := v1alpha1.MetricProvider{Address: "https://prometheus.test", SecretRef: &v1alpha1.LocalObjectRef{Name: "credentials"}}
	server := func(credentials map[string]analysis.Secret) *analysis.Server {
		return &analysis.Server{Namespace: "shop", Type: "prometheus", Address: "https://prometheus.test", Credentials: credentials}
	}
	const ours, shared = "shop/latency", "shared/latency"
	const notForMetrics = "Secret shop/credentials lacks the label sluice.dev/metric-credentials=true, which lets every MetricTemplate in its namespace use it: add the label"
	labelled := func(key, value string) *corev1.Secret {
		secret := secretWith(map[string]string{"token": "t"})
		secret.Labels = map[string]string{key: value}
		return secret
	}
	for name, c := range map[string]struct {
		namespace string
		objects   stored
		idle      bool
		change    func(*reader)
		want      *observed.Template
	}{
		"one of the same namespace":                    {objects: stored{ours: provider(v1alpha1.MetricProvider{})}, want: &observed.Template{Query: query}},
		"one that does not exist":                      {},
		"one of another namespace":                     {namespace: "shared", objects: stored{shared: provider(v1alpha1.MetricProvider{})}, want: &observed.Template{Query: query}},
		"another namespace of those that we watch":     {namespace: "shared", objects: stored{shared: provider(v1alpha1.MetricProvider{})}, change: watching("shop", "shared"), want: &observed.Template{Query: query}},
		"another namespace that nobody watches":        {namespace: "shared", objects: stored{shared: nil}, change: watching("shop"), want: &observed.Template{Problem: "its namespace is not watched: add it to the chart value watchNamespaces, or copy the MetricTemplate"}},
		"another namespace where that is forbidden":    {namespace: "shared", objects: stored{shared: nil}, change: forbidding, want: &observed.Template{Problem: "it is in another namespace, which the chart value noCrossNamespaceRefs forbids"}},
		"its own namespace where others are forbidden": {namespace: "shop", objects: stored{ours: provider(v1alpha1.MetricProvider{})}, change: forbidding, want: &observed.Template{Query: query}},
		"a provider of a newer release":                {objects: stored{ours: provider(v1alpha1.MetricProvider{Type: "newer", Address: "https://a"})}, want: &observed.Template{Query: query, Problem: "provider type newer is not supported by this release; use " + strings.Join(v1alpha1.ProviderTypes, ", ")}},
		"another type without an address": {objects: stored{ours: provider(v1alpha1.MetricProvider{Type: "cloudwatch", Region: "eu-west-1"})},
			want: &observed.Template{Query: query, Server: &analysis.Server{Namespace: "shop", Type: "cloudwatch", Region: "eu-west-1"}}},
		"any JSON": {objects: stored{ours: provider(v1alpha1.MetricProvider{Type: "http", Address: "https://a", HTTP: &v1alpha1.HTTPProvider{JSONPath: "{.a}"}})},
			want: &observed.Template{Query: query, Server: &analysis.Server{Namespace: "shop", Type: "http", Address: "https://a", HTTP: analysis.HTTP{Method: "GET", JSONPath: "{.a}"}}}},
		"the keys of a type": {objects: stored{ours: provider(v1alpha1.MetricProvider{Type: "influxdb", Address: "https://a", SecretRef: withSecret.SecretRef}), "shop/credentials": secretWith(map[string]string{"token": "t\n", "org": "o", "other": "x"})},
			want: &observed.Template{Query: query, Server: &analysis.Server{Namespace: "shop", Type: "influxdb", Address: "https://a", Credentials: map[string]analysis.Secret{"token": "t", "org": "o"}}}},
		"a server of its own": {objects: stored{ours: provider(elsewhere)}, want: &observed.Template{Query: query,
			Server: &analysis.Server{Namespace: "shop", Type: "prometheus", Address: elsewhere.Address, Headers: map[string][]string{"X-Scope-OrgID": {"a"}}, InsecureSkipVerify: true}}},
		"a token": {objects: stored{ours: provider(withSecret), "shop/credentials": secretWith(map[string]string{"token": "t", "username": "u"})},
			want: &observed.Template{Query: query, Server: server(map[string]analysis.Secret{"token": "t"})}},
		"a password": {objects: stored{ours: provider(withSecret), "shop/credentials": secretWith(map[string]string{"username": "u", "password": "p"})},
			want: &observed.Template{Query: query, Server: server(map[string]analysis.Secret{"username": "u", "password": "p"})}},
		"a Secret of the template's namespace": {namespace: "shared", objects: stored{shared: provider(withSecret), "shared/credentials": secretWith(map[string]string{"token": "t"})},
			want: &observed.Template{Query: query, Server: &analysis.Server{Namespace: "shared", Type: "prometheus", Address: "https://prometheus.test", Credentials: map[string]analysis.Secret{"token": "t"}}}},
		"a Secret that does not exist": {objects: stored{ours: provider(withSecret)}, want: &observed.Template{Query: query, Server: server(nil), Problem: "Secret shop/credentials does not exist"}},
		"a Secret that may not be read": {objects: stored{ours: provider(withSecret), "shop/credentials": nil},
			want: &observed.Template{Query: query, Server: server(nil), Problem: "Sluice may not read Secret shop/credentials: install the chart with metricTemplates.secrets=true"}},
		"a Secret that nobody has labelled": {objects: stored{ours: provider(withSecret), "shop/credentials": labelled("", "")}, want: &observed.Template{Query: query, Server: server(nil), Problem: notForMetrics}},
		"a Secret whose label says no":      {objects: stored{ours: provider(withSecret), "shop/credentials": labelled(config.LabelCredentials, "false")}, want: &observed.Template{Query: query, Server: server(nil), Problem: notForMetrics}},
		"a Secret without the keys": {objects: stored{ours: provider(withSecret), "shop/credentials": secretWith(map[string]string{"username": "u", "pasword": "p"})},
			want: &observed.Template{Query: query, Server: server(nil), Problem: "Secret shop/credentials lacks the keys that prometheus needs: token, or username and password, or client_id and client_secret and token_url, or tls.crt and tls.key, or ca.crt, or aws_access_key_id and aws_secret_access_key, or serviceAccountKey"}},
		"no Secret is read while there is no candidate": {objects: stored{ours: provider(withSecret)}, idle: true,
			want: &observed.Template{Query: query, Server: server(nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reader{cached: c.objects, live: c.objects}
			if c.change != nil {
				c.change(r)
			}
			policy := config.Policy{Checks: []v1alpha1.Metric{{Name: "built in"}, {Name: "own", TemplateRef: &v1alpha1.ObjectRef{Name: "latency", Namespace: c.namespace}}}}
			got, err := r.readTemplates(t.Context(), policy, "shop", !c.idle)
			if err != nil {
				t.Fatal(err)
			}
			want := map[types.NamespacedName]observed.Template{}
			if c.want != nil {
				want[observed.TemplateName(*policy.Checks[1].TemplateRef, "shop")] = *c.want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func watching(namespaces ...string) func(*reader) {
	return func(r *reader) { r.options.Namespaces = namespaces }
}

func forbidding(r *reader) { r.options.NoCrossNamespaceRefs = true }
