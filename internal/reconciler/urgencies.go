package reconciler

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
)

// urgencies knows how urgent each rollout is: by the last state that was decided or that the cache has shown.
type urgencies struct {
	// above are those that are not at rest.
	above kept[observed.Urgency]
}

func (u *urgencies) note(key types.NamespacedName, urgency observed.Urgency) {
	if urgency == observed.AtRest {
		u.above.forget(key)
		return
	}
	u.above.put(key, urgency)
}

func (u *urgencies) of(key types.NamespacedName) observed.Urgency {
	urgency, _ := u.above.get(key)
	return urgency
}

func (u *urgencies) forget(key types.NamespacedName) { u.above.forget(key) }

// ticks is a queue of ticks as handlers get it.
type ticks = workqueue.TypedRateLimitingInterface[reconcile.Request]

// atOnce asks for a tick of the Canary of an object itself, which does not rest.
func atOnce(queue ticks, object client.Object) {
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(object)}
	if q, is := queue.(priorityqueue.PriorityQueue[reconcile.Request]); is {
		q.AddWithOpts(priorityqueue.AddOpts{Priority: new(int(observed.Open))}, request)
		return
	}
	queue.Add(request)
}

// ofCanary notes how urgent a Canary is. A request of a user causes a tick at once.
func (u *urgencies) ofCanary() handler.EventHandler {
	heed := func(queue ticks, object client.Object, asks bool) {
		canary, ok := object.(*v1alpha1.Canary)
		if !ok {
			return
		}
		key := client.ObjectKeyFromObject(canary)
		u.note(key, observed.UrgencyOf(canary.Spec, canary.Status))
		if asks || u.of(key) > observed.AtRest {
			atOnce(queue, canary)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue ticks) { heed(queue, e.Object, true) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue ticks) {
			heed(queue, e.ObjectNew, e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration())
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue ticks) {
			u.forget(client.ObjectKeyFromObject(e.Object))
			atOnce(queue, e.Object)
		},
	}
}

// ofRecords causes a tick at once when a Deployment gets or loses a candidate, or is opted in or out.
func ofRecords() handler.EventHandler {
	return handler.Funcs{
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue ticks) {
			for _, record := range append(config.RecordKeys(), config.AnnotationCanary) {
				if e.ObjectOld.GetAnnotations()[record] != e.ObjectNew.GetAnnotations()[record] {
					atOnce(queue, e.ObjectNew)
					return
				}
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue ticks) {
			if _, mentions := e.Object.GetAnnotations()[config.AnnotationCanary]; mentions {
				atOnce(queue, e.Object)
			}
		},
	}
}
