package plugin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// kept are the objects that a test reads, by kind and name.
type kept map[string]client.Object

func (k kept) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	object, known := k[fmt.Sprintf("%T %s", into, key)]
	if !known {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.String())
	}
	switch into := into.(type) {
	case *v1alpha1.MetricTemplate:
		object.(*v1alpha1.MetricTemplate).DeepCopyInto(into)
	case *v1alpha1.Canary:
		object.(*v1alpha1.Canary).DeepCopyInto(into)
	case *corev1.Secret:
		object.(*corev1.Secret).DeepCopyInto(into)
	}
	return nil
}

func (kept) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func TestAQueryIsTriedWithTheValuesAndLimitsOfARollout(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hidden-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		value := map[string]string{"podinfo-canary": "7"}[r.FormValue("app")]
		_, _ = io.WriteString(w, `{"rate":`+value+`}`)
	}))
	t.Cleanup(s.Close)
	named := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	template := func(query string, provider v1alpha1.MetricProvider) *v1alpha1.MetricTemplate {
		return &v1alpha1.MetricTemplate{ObjectMeta: named("metrics", "rate"), Spec: v1alpha1.MetricTemplateSpec{Query: query, Provider: provider}}
	}
	ours := v1alpha1.MetricProvider{Type: "http", Address: s.URL, HTTP: &v1alpha1.HTTPProvider{JSONPath: "{.rate}"}, SecretRef: &v1alpha1.LocalObjectRef{Name: "token"}}
	canary := &v1alpha1.Canary{ObjectMeta: named("shop", "podinfo")}
	canary.Status.Policy = &v1alpha1.PolicyStatus{Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Metrics: []v1alpha1.Metric{
		{Name: "failed", TemplateRef: &v1alpha1.ObjectRef{Name: "rate", Namespace: "metrics"}, ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(5.0)}},
		{Name: "enough", TemplateRef: &v1alpha1.ObjectRef{Name: "rate", Namespace: "metrics"}, ThresholdRange: &v1alpha1.ThresholdRange{Min: ptr.To(5.0)}},
		{Name: "other", TemplateRef: &v1alpha1.ObjectRef{Name: "rate"}},
	}}}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{config.LabelCredentials: "true"}}, Data: map[string][]byte{"token": []byte("hidden-token")}}
	unlabelled := secret.DeepCopy()
	unlabelled.Labels = nil
	wrong := secret.DeepCopy()
	wrong.Data["token"] = []byte("wrong")
	asksApp := template("?app={{ target }}&since={{ interval }}", ours)
	for name, c := range map[string]struct {
		template *v1alpha1.MetricTemplate
		secret   *corev1.Secret
		trial    trial
		shows    []string
		says     string
	}{
		"two checks": {asksApp, secret, trial{canary: "podinfo"}, []string{"QUERY    ?app=podinfo-canary&since=60s\nANSWER   7\nVERDICT  Fail (max 5)", "CHECK    enough", "VERDICT  Pass (min 5)"}, ""},
		"no check":   {template("?app=podinfo-canary", ours), secret, trial{}, []string{"ANSWER   7\nVERDICT  none"}, ""},
		"another":    {template("?app=other", ours), secret, trial{}, []string{"ANSWER   The HTTP server could not answer: the answer is not what this kind of server sends"}, ""},
		"a wrong key": {asksApp, wrong, trial{canary: "podinfo"},
			[]string{"could not answer: the server refuses the credentials (401 Unauthorized): correct the Secret", "VERDICT  Inconclusive (max 5)"}, ""},
		"no rollout":               {asksApp, secret, trial{}, nil, "name one with --canary"},
		"a rollout of nothing":     {asksApp, secret, trial{canary: "other"}, nil, "read Canary shop/other"},
		"no label":                 {asksApp, unlabelled, trial{canary: "podinfo"}, nil, "lacks the label"},
		"the controller's server":  {template("up", v1alpha1.MetricProvider{}), secret, trial{}, nil, "name it with --address"},
		"a template of no meaning": {template("{{ pod }}", ours), secret, trial{canary: "podinfo"}, nil, "not a valid template"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := kept{"*v1alpha1.MetricTemplate metrics/rate": c.template, "*v1alpha1.Canary shop/podinfo": canary, "*v1.Secret metrics/token": c.secret}
			c.trial.template, c.trial.interval = "metrics/rate", time.Minute
			var page page
			err := c.trial.run(t.Context(), objects, "shop", &page)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			shown := page.text.String()
			for _, text := range c.shows {
				if !strings.Contains(shown, text) {
					t.Errorf("%s does not show %q", shown, text)
				}
			}
			if strings.Contains(shown, "hidden") {
				t.Errorf("a credential is in %s", shown)
			}
		})
	}
}
