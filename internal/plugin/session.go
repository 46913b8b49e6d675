package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// session is one connection to a cluster, for one namespace.
type session struct {
	genericiooptions.IOStreams
	client    client.WithWatch
	namespace string
	now       func() time.Time
}

// knownTypes are the kinds that the plugin reads. A separate mapper saves discovery.
func knownTypes() (*runtime.Scheme, meta.RESTMapper, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, nil, fmt.Errorf("register types: %w", err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(appsv1.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.GroupVersion.WithKind("Canary"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.GroupVersion.WithKind("MetricTemplate"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.GroupVersion.WithKind("Freeze"), meta.RESTScopeRoot)
	return scheme, mapper, nil
}

func (p *plugin) session() (*session, error) {
	restConfig, err := p.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	restConfig.WarningHandler = rest.NewWarningWriter(p.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("find the namespace: %w", err)
	}
	scheme, mapper, err := knownTypes()
	if err != nil {
		return nil, err
	}
	reader, err := client.NewWithWatch(restConfig, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &session{IOStreams: p.IOStreams, client: reader, namespace: namespace, now: p.now}, nil
}

// kinds are the prefixes that a name may have: a Canary and its Deployment share one name.
var kinds = []string{"canary", "canaries", "canary.sluice.dev", "canaries.sluice.dev", "deploy", "deployment", "deployments", "deployment.apps", "deployments.apps"}

// plainName strips the kind from a name such as deployment/podinfo.
func plainName(arg string) (string, error) {
	kind, name, slashed := strings.Cut(arg, "/")
	switch {
	case !slashed:
		return arg, nil
	case !slices.Contains(kinds, kind):
		return "", fmt.Errorf("%s: must be a Canary or its Deployment, such as podinfo or deployment/podinfo", arg)
	}
	return name, nil
}

func (s *session) names(ctx context.Context) ([]string, error) {
	var list v1alpha1.CanaryList
	if err := s.client.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return nil, fmt.Errorf("list Canaries in namespace %s: %w", s.namespace, err)
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names, nil
}

// read reads the Canary and, if the user may, its Deployment.
func (s *session) read(ctx context.Context, name string) (subject, error) {
	key := client.ObjectKey{Namespace: s.namespace, Name: name}
	var canary v1alpha1.Canary
	err := s.client.Get(ctx, key, &canary)
	if apierrors.IsNotFound(err) {
		return subject{}, s.whyNoCanary(ctx, key)
	}
	if err != nil {
		return subject{}, fmt.Errorf("read Canary %s: %w", key, err)
	}
	return s.subjectOf(ctx, &canary)
}

func (s *session) subjectOf(ctx context.Context, canary *v1alpha1.Canary) (subject, error) {
	key := client.ObjectKeyFromObject(canary)
	result := subject{canary: canary, now: s.now()}
	var deployment appsv1.Deployment
	err := s.client.Get(ctx, key, &deployment)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return result, nil
	}
	if err != nil {
		return subject{}, fmt.Errorf("read Deployment %s: %w", key, err)
	}
	result.deployment = &deployment
	if result.candidate, err = workload.CandidateOf(deployment.Annotations); err != nil {
		return subject{}, fmt.Errorf("read Deployment %s: annotation %s: %w", key, config.AnnotationCandidate, err)
	}
	return result, nil
}

// controllerPods is the command that shows the pods of the controller.
const controllerPods = "kubectl get pods -A -l app.kubernetes.io/name=sluice"

// whyNoCanary explains why there is no Canary of a name, and offers the nearest one.
func (s *session) whyNoCanary(ctx context.Context, key client.ObjectKey) error {
	var deployment appsv1.Deployment
	err := s.client.Get(ctx, key, &deployment)
	switch {
	case err == nil && config.OptedIn(deployment.Annotations):
		return fmt.Errorf("Deployment %s is opted in but has no Canary yet: check that the controller is running: %s", key.Name, controllerPods)
	case err == nil:
		return fmt.Errorf("Deployment %s is not opted in, so its changes roll out directly; to opt in: kubectl annotate deployment %s -n %s %s=true",
			key.Name, key.Name, key.Namespace, config.AnnotationCanary)
	}
	text := fmt.Sprintf("Canary %s does not exist in namespace %s", key.Name, key.Namespace)
	names, err := s.names(ctx)
	if err != nil || len(names) == 0 {
		return fmt.Errorf("%s; kubectl sluice list -A lists those of all namespaces", text)
	}
	return fmt.Errorf("%s%s; kubectl sluice list shows the names", text, config.Nearest(key.Name, names))
}
