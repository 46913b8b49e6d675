package reconciler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// Options are what the reconciler cannot find in the cluster.
type Options struct {
	// Query asks Prometheus.
	Query QueryFunc
	// Prometheus is set when the controller has a Prometheus of its own; without it, only checks with a MetricTemplate that names
	// a server can be made.
	Prometheus bool
	// Hook asks and tells hooks; nil when there are none.
	Hook HookFunc
	// NoCrossNamespaceRefs forbids the use of MetricTemplates of other namespaces.
	NoCrossNamespaceRefs bool
	// CrossNamespaceGrants allows grants in other namespaces for the backends that a policy names there.
	CrossNamespaceGrants bool
	// Namespaces are those that are watched; empty for all.
	Namespaces []string
	// Metrics is where the reconciler's own metrics are registered.
	Metrics prometheus.Registerer
	// Limits are how many rollouts may be open at the same time.
	Limits rollout.Limits
	// DryRun changes nothing but status.
	DryRun bool
}

// wakeBuffer is how many wake-ups may be under way; what is too much is found by the queue itself.
const wakeBuffer = 1024

const (
	parallelTicks = 8
	shortestRetry = 5 * time.Millisecond
	longestRetry  = 10 * time.Second
)

// Setup adds the reconciler to a manager whose scheme knows apps, core, discovery, the Gateway API and sluice.dev.
func Setup(manager ctrl.Manager, options Options) error {
	recorder, err := newRecorder(manager)
	if err != nil {
		return err
	}
	found, err := kindsOf(manager.GetRESTMapper())
	if err != nil {
		return err
	}
	r := &Reconciler{
		Client:   manager.GetClient(),
		Live:     manager.GetAPIReader(),
		Recorder: recorder,
		Limits:   options.Limits,
		DryRun:   options.DryRun,
		metrics:  newMetrics(options.Metrics),
		hooks:    newHooks(options.Hook),
		samples:  newSamples(options.Query),
		wake:     make(chan event.GenericEvent, wakeBuffer),

		prometheus: options.Prometheus, noCrossNamespaceRefs: options.NoCrossNamespaceRefs, crossNamespaceGrants: options.CrossNamespaceGrants, namespaces: options.Namespaces,
		routes: manager.GetCache(),
	}
	r.kinds.Store(found)
	if options.DryRun {
		r.Client = refusing{r.Client}
	}
	b := ctrl.NewControllerManagedBy(manager).
		Named("canary").
		For(&v1alpha1.Canary{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&policyv1.PodDisruptionBudget{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&networkingv1.NetworkPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&appsv1.Deployment{}, handler.EnqueueRequestsFromMapFunc(primaryOf)).
		Watches(&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(r.inNamespace)).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(r.ofEndpoints)).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.ofPolicy), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ClusterCanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.ofPolicy), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&gatewayv1.Gateway{}, handler.EnqueueRequestsFromMapFunc(r.everywhere), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.MetricTemplate{}, handler.EnqueueRequestsFromMapFunc(r.everywhere), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Channel(r.hooks.woken, &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.samples.woken, &handler.EnqueueRequestForObject{})).
		Watches(&gatewayv1.GatewayClass{}, handler.EnqueueRequestsFromMapFunc(r.everywhere), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Freeze{}, handler.EnqueueRequestsFromMapFunc(r.ofFreeze), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Canary{}, handler.EnqueueRequestsFromMapFunc(r.ofGroup)).
		WatchesRawSource(source.Channel(r.wake, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: parallelTicks,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](shortestRetry, longestRetry),
		})
	r.watchRoutes(b)
	built, err := b.Build(r)
	if err != nil {
		return err
	}
	if err := manager.Add(arrivals{Reconciler: r, mapper: manager.GetRESTMapper(), cache: manager.GetCache(), watch: built}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).Named("freeze").For(&v1alpha1.Freeze{}).Complete(freezes{manager.GetClient()})
}

// watchRoutes watches what the cluster has of routes and grants.
func (r *Reconciler) watchRoutes(b *builder.Builder) {
	for _, kind := range r.known().routes {
		b.Watches(routeObject(kind), handler.EnqueueRequestsFromMapFunc(r.ofRoute))
	}
	if version := r.known().grants; version != "" {
		b.Watches(grantOf(version), handler.EnqueueRequestsFromMapFunc(ofGrant))
	}
}

// eventBurst lets every event of many rollouts through: the client's own limits would fold those of one long rollout.
const eventBurst = 10000

func newRecorder(manager ctrl.Manager) (record.EventRecorder, error) {
	events, err := typedcorev1.NewForConfigAndClient(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("make the client for events: %w", err)
	}
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{BurstSize: eventBurst, MaxEvents: eventBurst}))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: events.Events("")})
	return broadcaster.NewRecorder(manager.GetScheme(), corev1.EventSource{Component: config.FieldManager}), nil
}

// primaryOf maps a Deployment that is, or has just been, opted in to its Canary.
func primaryOf(_ context.Context, object client.Object) []ctrl.Request {
	if _, mentions := object.GetAnnotations()[config.AnnotationCanary]; !mentions {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKeyFromObject(object)}}
}

// canaries returns requests for the Canaries for which the function is true.
func (r *Reconciler) canaries(ctx context.Context, namespace string, concerns func(*v1alpha1.Canary) bool) []ctrl.Request {
	var list v1alpha1.CanaryList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list Canaries", "namespace", namespace)
		return nil
	}
	var requests []ctrl.Request
	for i := range list.Items {
		if concerns(&list.Items[i]) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

func all(*v1alpha1.Canary) bool { return true }

func (r *Reconciler) inNamespace(ctx context.Context, object client.Object) []ctrl.Request {
	return r.canaries(ctx, object.GetNamespace(), all)
}

func (r *Reconciler) everywhere(ctx context.Context, _ client.Object) []ctrl.Request {
	return r.canaries(ctx, metav1.NamespaceAll, all)
}

// ofEndpoints maps an EndpointSlice, which has the labels of its Service, to the Canary of that Service.
func (r *Reconciler) ofEndpoints(ctx context.Context, object client.Object) []ctrl.Request {
	label := object.GetLabels()[config.LabelPrimary]
	return r.canaries(ctx, object.GetNamespace(), func(canary *v1alpha1.Canary) bool {
		return workload.LabelValue(canary.Name) == label
	})
}

// ofRoute maps a route to the Canaries that use it, or that still look for one.
func (r *Reconciler) ofRoute(ctx context.Context, object client.Object) []ctrl.Request {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	changed, err := route.FromObject(content.Object)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "read a route", "route", client.ObjectKeyFromObject(object))
		return nil
	}
	var requests []ctrl.Request
	for _, namespace := range route.Namespaces(changed) {
		requests = append(requests, r.canaries(ctx, namespace, func(canary *v1alpha1.Canary) bool { return uses(canary, changed) })...)
	}
	return requests
}

// uses reports whether a Canary uses a route, for itself or for its cohort, or still looks for one.
func uses(canary *v1alpha1.Canary, changed route.Route) bool {
	target := canary.Status.Target
	sends := func(member v1alpha1.CohortStatus) bool {
		return route.SendsTo(changed, types.NamespacedName{Namespace: canary.Namespace, Name: member.Service})
	}
	return slices.ContainsFunc(canary.Status.Cohort, sends) || workload.GeneratedFor(changed.Labels, canary.Name) || target == nil || len(target.Routes) == 0 || slices.Contains(target.Routes, changed.Key().Short(canary.Namespace)) ||
		route.SendsTo(changed, types.NamespacedName{Namespace: canary.Namespace, Name: target.Service})
}

func copyOf(key types.NamespacedName) string {
	return workload.CanaryName(key.Name)
}
