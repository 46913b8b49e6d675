package plugin

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/prometheus"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

// planReading is everything that is read before a rollout.
type planReading struct {
	client          client.Client
	namespace, name string
	now             func() time.Time

	deployment *appsv1.Deployment
	policies   policy.Policies
	present    policy.Present
	world      observed.World
	target     target.Target
	raw        analysis.Raw
	server     *prometheus.Provider
	// inside is the controller's address of Prometheus; empty if the user has named one.
	inside string
	notes  []string
	// routes are the names of those that carry the split.
	routes []string
}

// planReading connects to the cluster.
func (p *plugin) planReading() (*planReading, error) {
	restConfig, err := p.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("find the namespace: %w", err)
	}
	scheme, mapper, err := planTypes()
	if err != nil {
		return nil, err
	}
	reader, err := client.New(restConfig, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &planReading{client: reader, namespace: namespace, now: p.now}, nil
}

// planTypes are the kinds that plan reads. A separate mapper saves discovery.
func planTypes() (*runtime.Scheme, meta.RESTMapper, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, nil, fmt.Errorf("register types: %w", err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	gateway := schema.GroupVersion(gatewayv1.GroupVersion)
	for scope, kinds := range map[meta.RESTScope][]schema.GroupVersionKind{
		meta.RESTScopeNamespace: {appsv1.SchemeGroupVersion.WithKind("Deployment"), corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
			gateway.WithKind(route.HTTP), gateway.WithKind(route.GRPC), gateway.WithKind("ListenerSet"), gateway.WithKind("ReferenceGrant"),
			v1alpha1.GroupVersion.WithKind("Canary"), v1alpha1.GroupVersion.WithKind("CanaryPolicy"), v1alpha1.GroupVersion.WithKind("MetricTemplate")},
		meta.RESTScopeRoot: {gateway.WithKind("GatewayClass"), v1alpha1.GroupVersion.WithKind("ClusterCanaryPolicy")},
	} {
		for _, kind := range kinds {
			mapper.Add(kind, scope)
		}
	}
	// The mapper would guess gatewaies.
	mapper.AddSpecific(gateway.WithKind("Gateway"), gateway.WithResource("gateways"), gateway.WithResource("gateway"), meta.RESTScopeNamespace)
	return scheme, mapper, nil
}

// read reads what a rollout would act on, as the controller does.
func (r *planReading) read(ctx context.Context, a asking, name string) error {
	r.name, r.deployment = name, &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: r.namespace, Name: name}
	if err := r.client.Get(ctx, key, r.deployment); apierrors.IsNotFound(err) {
		return r.whyNoDeployment(ctx, key)
	} else if err != nil {
		return fmt.Errorf("read Deployment %s: %w", key, err)
	}
	r.notes = append(r.notes, standingNotes(r.deployment)...)
	if _, known := analysis.RawFor(config.Preset(a.preset), analysis.Target{}); a.preset != "" && !known {
		return fmt.Errorf("--preset %q: must be one of %s", a.preset, config.PresetNames())
	}
	settings, err := r.settings(ctx, a)
	if err != nil {
		return err
	}
	r.world = observed.World{Now: r.now(), Namespace: r.namespace, Name: name, Primary: r.deployment, Prometheus: true,
		QueryNamespaces: settings.QueryNamespaces, Watched: settings.WatchNamespaces, NoGrants: !settings.CrossNamespaceGrants}
	if err := r.discover(ctx, a); apierrors.IsForbidden(err) {
		return r.asController(ctx, a, err)
	} else if err != nil {
		return err
	}
	return nil
}

// standingNotes say in which respect a Deployment is not at rest before a rollout.
func standingNotes(d *appsv1.Deployment) []string {
	if !config.OptedIn(d.Annotations) {
		return []string{fmt.Sprintf("the Deployment is not opted in, so its changes roll out directly; to opt in: kubectl annotate deployment %s -n %s %s=true",
			d.Name, d.Namespace, config.AnnotationCanary)}
	}
	if candidate, err := workload.CandidateOf(d.Annotations); err == nil && candidate.InFlight() {
		return []string{"a rollout is open: what its canary got in the last hour is not counted, so the app's traffic may be more"}
	}
	return nil
}

// discover finds the policy and what a rollout acts on, as the controller does.
func (r *planReading) discover(ctx context.Context, a asking) error {
	if err := r.readPolicies(ctx); err != nil {
		return err
	}
	if a.preset != "" {
		r.present.Policy.Preset = config.Preset(a.preset)
	}
	if err := r.readWorld(ctx); err != nil {
		return err
	}
	var problem string
	if r.target, problem = target.Discover(r.present.Policy, r.world); problem != "" {
		return fmt.Errorf("no rollout of Deployment %s/%s can start: %s", r.namespace, r.name, problem)
	}
	r.routes = r.target.RouteNames()
	return nil
}

// asController takes the policy and the metrics from the status of the Canary, where the controller says what it has found, for a user who
// may not read what the controller reads.
func (r *planReading) asController(ctx context.Context, a asking, forbidden error) error {
	canary, err := readObject(ctx, r.client, client.ObjectKey{Namespace: r.namespace, Name: r.name}, &v1alpha1.Canary{})
	switch {
	case err != nil:
		return fmt.Errorf("%w; the status of the Canary says the same, but: %w", forbidden, err)
	case canary == nil || canary.Status.Policy == nil || canary.Status.Target == nil:
		return fmt.Errorf("%w; the status of the Canary says the same once the Deployment is opted in", forbidden)
	}
	status, found := canary.Status.Policy, canary.Status.Target
	parsed, errs := policy.Policies{}.Changed(status.Spec, func(*v1alpha1.AnalysisSpec) {})
	if len(errs) > 0 {
		return fmt.Errorf("Canary %s/%s: status.policy: %w", r.namespace, r.name, errs.ToAggregate())
	}
	r.policies, r.present = policy.Policies{}, policy.Present{Policy: parsed, Status: status}
	r.routes, r.target = found.Routes, target.Target{Service: corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: found.Service}},
		Preset: config.Preset(cmp.Or(a.preset, found.Metrics))}
	r.notes = append(r.notes, fmt.Sprintf("the policy and the metrics are those of the Canary's status, because you may not see all that they follow from (%v)", forbidden))
	return r.readTemplates(ctx)
}

// whyNoDeployment offers the nearest name.
func (r *planReading) whyNoDeployment(ctx context.Context, key client.ObjectKey) error {
	var list appsv1.DeploymentList
	text := fmt.Sprintf("Deployment %s does not exist in namespace %s", key.Name, key.Namespace)
	if err := r.client.List(ctx, &list, client.InNamespace(key.Namespace)); err != nil || len(list.Items) == 0 {
		return fmt.Errorf("%s; kubectl get deployments -A lists those of all namespaces", text)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return fmt.Errorf("%s%s; kubectl get deployments -n %s shows the names", text, config.Nearest(key.Name, names), key.Namespace)
}

// readPolicies finds the effective policy.
func (r *planReading) readPolicies(ctx context.Context) (err error) {
	if name := r.deployment.Annotations[config.AnnotationPolicy]; name != "" {
		if r.policies.Named, err = readObject(ctx, r.client, client.ObjectKey{Namespace: r.namespace, Name: name}, &v1alpha1.CanaryPolicy{}); err != nil {
			return err
		}
		if r.policies.ClusterNamed, err = readObject(ctx, r.client, client.ObjectKey{Name: name}, &v1alpha1.ClusterCanaryPolicy{}); err != nil {
			return err
		}
	}
	if r.policies.Default, err = readObject(ctx, r.client, client.ObjectKey{Name: v1alpha1.DefaultPolicyName}, &v1alpha1.ClusterCanaryPolicy{}); err != nil {
		return err
	}
	r.present = policy.PresentOf(r.namespace, r.deployment.Annotations, r.policies)
	if r.present.Problem != "" {
		return fmt.Errorf("no rollout of Deployment %s/%s can start: %s", r.namespace, r.name, r.present.Problem)
	}
	return nil
}

// changed is the policy with another value.
func (r *planReading) changed(change func(*v1alpha1.AnalysisSpec)) (config.Policy, field.ErrorList) {
	changed, errs := r.policies.Changed(r.present.Status.Spec, change)
	changed.Preset = cmp.Or(r.present.Policy.Preset, changed.Preset)
	return changed, errs
}

// readObject reads an object, or nil if there is none.
func readObject[T client.Object](ctx context.Context, reader client.Reader, key client.ObjectKey, object T) (T, error) {
	var none T
	err := reader.Get(ctx, key, object)
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		kind := fmt.Sprintf("%T", object)
		return none, fmt.Errorf("read %s %s: %w", kind[strings.LastIndexByte(kind, '.')+1:], strings.TrimPrefix(key.String(), "/"), err)
	}
	return object, nil
}

// settings are those of the controller, as far as they matter. They are not needed where the user names Prometheus.
func (r *planReading) settings(ctx context.Context, a asking) (process.Settings, error) {
	settings, address := process.Default(), a.address
	const name = "sluice"
	var file corev1.ConfigMap
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: a.sluice, Name: name}, &file); {
	case err == nil:
		if settings, err = process.Read([]byte(file.Data["config.yaml"]), settings); err != nil {
			return settings, fmt.Errorf("ConfigMap %s/%s: %w", a.sluice, name, err)
		}
	case address == "":
		return settings, fmt.Errorf("the controller's address of Prometheus is not known, because ConfigMap %s/%s cannot be read: %w; name Prometheus with --from-prometheus URL, or "+
			"the namespace of Sluice with --sluice-namespace", a.sluice, name, err)
	}
	if address == "" {
		address, r.inside = settings.PrometheusURL, settings.PrometheusURL
	}
	if address == "" {
		return settings, errNoPrometheus
	}
	var err error
	if r.server, err = prometheus.New(address, outbound.Rules{}); err != nil {
		return settings, fmt.Errorf("the address of Prometheus: %w", err)
	}
	return settings, nil
}

func listOptions(namespace string) []client.ListOption {
	if namespace == metav1.NamespaceAll {
		return nil
	}
	return []client.ListOption{client.InNamespace(namespace)}
}
