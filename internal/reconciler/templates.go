package reconciler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/observed"
)

// readTemplates reads the MetricTemplates that the policy of a Deployment names. It reads their Secrets only while there is a
// candidate, so that an idle Deployment costs no requests.
func (r *reader) readTemplates(ctx context.Context, policy config.Policy, namespace string, secrets bool) (map[types.NamespacedName]observed.Template, error) {
	templates := map[types.NamespacedName]observed.Template{}
	for _, check := range policy.Checks {
		if check.TemplateRef == nil {
			continue
		}
		name := observed.TemplateName(*check.TemplateRef, namespace)
		if _, known := templates[name]; known {
			continue
		}
		if problem := r.outOfReach(name.Namespace, namespace); problem != "" {
			templates[name] = observed.Template{Problem: problem}
			continue
		}
		template, exists, err := r.readTemplate(ctx, name, secrets)
		if err != nil {
			return nil, err
		}
		if exists {
			templates[name] = template
		}
	}
	return templates, nil
}

func (r *reader) readTemplate(ctx context.Context, name types.NamespacedName, secrets bool) (template observed.Template, exists bool, err error) {
	found, err := fetch(ctx, r.cached, name, &v1alpha1.MetricTemplate{})
	if err != nil || found == nil {
		return template, false, err
	}
	template.Query = found.Spec.Query
	provider := found.Spec.Provider
	kind := cmp.Or(provider.Type, v1alpha1.ProviderPrometheus)
	if !slices.Contains(v1alpha1.ProviderTypes, kind) {
		template.Problem = fmt.Sprintf("provider type %s is not supported by this release; use %s", kind, strings.Join(v1alpha1.ProviderTypes, ", "))
		return template, true, nil
	}
	if template.Server = analysis.ServerOf(name.Namespace, provider); template.Server == nil {
		return template, true, nil
	}
	if provider.SecretRef != nil && secrets {
		secret := types.NamespacedName{Namespace: name.Namespace, Name: provider.SecretRef.Name}
		template.Server.Credentials, template.Problem, err = r.readCredentials(ctx, secret, kind)
	}
	return template, true, err
}

// outOfReach says why a Deployment of a namespace cannot use the MetricTemplates of another namespace. It returns an empty
// string if it can.
func (r *reader) outOfReach(namespace, from string) string {
	switch {
	case namespace == from:
		return ""
	case r.options.NoCrossNamespaceRefs:
		return "it is in another namespace, which the chart value noCrossNamespaceRefs forbids"
	case len(r.options.Namespaces) > 0 && !slices.Contains(r.options.Namespaces, namespace):
		return "its namespace is not watched: add it to the chart value watchNamespaces, or copy the MetricTemplate"
	}
	return ""
}

// readCredentials reads the keys of a Secret that servers of a type use. It does so anew each time, so that a changed Secret counts at once.
// The problem says why it cannot, without any value.
func (r *reader) readCredentials(ctx context.Context, name client.ObjectKey, kind string) (credentials map[string]analysis.Secret, problem string, err error) {
	var secret corev1.Secret
	switch err := r.live.Get(ctx, name, &secret); {
	case apierrors.IsNotFound(err):
		return nil, fmt.Sprintf("Secret %s does not exist", name), nil
	case apierrors.IsForbidden(err):
		return nil, fmt.Sprintf("Sluice may not read Secret %s: install the chart with metricTemplates.secrets=true", name), nil
	case err != nil:
		return nil, "", fmt.Errorf("read Secret %s: %w", name, err)
	}
	// Sluice may read all Secrets. Without the label, any author of a MetricTemplate could have any of them sent to any address.
	if secret.Labels[config.LabelCredentials] != "true" {
		return nil, fmt.Sprintf("Secret %s lacks the label %s=true, which lets every MetricTemplate in its namespace use it: add the label",
			name, config.LabelCredentials), nil
	}
	if credentials, problem = analysis.CredentialsOf(kind, secret.Data); problem != "" {
		problem = fmt.Sprintf("Secret %s %s", name, problem)
	}
	return credentials, problem, nil
}
