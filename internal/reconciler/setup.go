package reconciler

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
)

// Options are the settings that are not in the cluster.
type Options struct {
	// Query queries Prometheus.
	Query QueryFunc
	// Counters reads raw counters from the controller's Prometheus. Nil if nobody does.
	Counters CountersFunc
	// Prometheus means that the controller has its own Prometheus. Without one, only checks with a MetricTemplate that names a
	// server can run.
	Prometheus bool
	// Hook calls hooks. Nil if there are none.
	Hook HookFunc
	// NoCrossNamespaceRefs forbids the use of MetricTemplates of other namespaces.
	NoCrossNamespaceRefs bool
	// CrossNamespaceGrants allows grants in other namespaces for the backends that a policy names there.
	CrossNamespaceGrants bool
	// Namespaces are those that are watched; empty for all.
	Namespaces []string
	// QueryNamespaces are those whose policies and MetricTemplates may ask the controller's Prometheus queries of their own; empty
	// for all.
	QueryNamespaces []string
	// Metrics is where the reconciler's own metrics are registered.
	Metrics prometheus.Registerer
	// Limits are how many rollouts may be open at the same time.
	Limits observed.Limits
	// DryRun changes nothing but status.
	DryRun bool
}

// wakeBuffer is how many wake-ups may be pending. The queue finds out about the rest by itself.
const wakeBuffer = 1024

const (
	shortestRetry = 5 * time.Millisecond
	longestRetry  = 10 * time.Second
)

// Setup adds the reconciler to a manager whose scheme knows apps, core, discovery, the Gateway API and sluice.dev. The
// reconciler ends with the manager. Another one may follow in the same process, with metrics that are registered anew.
func Setup(manager ctrl.Manager, options Options) (err error) {
	found, err := kindsOf(manager.GetRESTMapper())
	if err != nil {
		return err
	}
	sources, err := newSources(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return err
	}
	recorder, told, err := newRecorder(manager)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			told.Shutdown()
		}
	}()
	r := &Reconciler{
		reader: &reader{cached: manager.GetClient(), live: manager.GetAPIReader(), routes: manager.GetCache(), options: options,
			memory: newMemory(options), sources: sources},
		client:   manager.GetClient(),
		recorder: recorder,
		wake:     make(chan event.GenericEvent, wakeBuffer),
	}
	r.kinds.Store(found)
	if options.DryRun {
		r.client = refusing{r.client}
	}
	b := ctrl.NewControllerManagedBy(manager).Named("canary").For(&v1alpha1.Canary{}).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: parallelTicks,
			NewQueue:                turnsOf(&r.memory.urgency),
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](shortestRetry, longestRetry),
		})
	r.watchAll(b)
	built, err := b.Build(r)
	if err != nil {
		return err
	}
	if err := manager.Add(arrivals{reader: r.reader, mapper: manager.GetRESTMapper(), cache: manager.GetCache(), watch: built}); err != nil {
		return err
	}
	if err := manager.Add(atEnd(func() {
		r.memory.end()
		told.Shutdown()
	})); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).Named("freeze").For(&v1alpha1.Freeze{}).Complete(freezes{manager.GetClient()})
}

// atEnd is called when the manager ends, also if it never had the lease.
type atEnd func()

// Start waits for the end.
func (f atEnd) Start(ctx context.Context) error {
	<-ctx.Done()
	f()
	return nil
}

// NeedLeaderElection says that no lease is needed to end.
func (atEnd) NeedLeaderElection() bool { return false }

// eventBurst lets all events of many rollouts through: by default the client would merge those of a single long rollout.
const eventBurst = 10000

// newRecorder returns a recorder and what sends its events until it is shut down.
func newRecorder(manager ctrl.Manager) (record.EventRecorder, record.EventBroadcaster, error) {
	events, err := typedcorev1.NewForConfigAndClient(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return nil, nil, fmt.Errorf("make the client for events: %w", err)
	}
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{BurstSize: eventBurst, MaxEvents: eventBurst}))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: events.Events("")})
	return broadcaster.NewRecorder(manager.GetScheme(), corev1.EventSource{Component: config.FieldManager}), broadcaster, nil
}
