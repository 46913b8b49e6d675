package reconciler

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// release deletes the canary and releases the Canary, once no gateway sends requests to the canary.
func (u *cleanUp) release(ctx context.Context, canary *v1alpha1.Canary, o observed.World) error {
	if controllerutil.ContainsFinalizer(canary, config.Finalizer) {
		if err := u.stillServed(ctx, canary, o); err != nil {
			return err
		}
	}
	grants, err := u.listGrants(ctx, canary.Namespace)
	if err == nil {
		err = u.removeGrants(ctx, canary, grants)
	}
	if err == nil {
		err = u.releaseGenerated(ctx, canary)
	}
	if err == nil {
		err = u.removeOwned(ctx, canary)
	}
	if err != nil {
		return err
	}
	if observed.Active(canary.Status) {
		if err := u.forgetRollout(ctx, canary); err != nil {
			return err
		}
	}
	if !controllerutil.ContainsFinalizer(canary, config.Finalizer) {
		return nil
	}
	return client.IgnoreNotFound(u.patchFinalizer(ctx, canary, controllerutil.RemoveFinalizer))
}

// releaseGenerated deletes the grants of other namespaces that the generated route no longer needs.
func (u *cleanUp) releaseGenerated(ctx context.Context, canary *v1alpha1.Canary) error {
	key := client.ObjectKeyFromObject(canary)
	primary, err := fetch(ctx, u.live, key, &appsv1.Deployment{})
	if err != nil {
		return err
	}
	return u.releaseGrants(ctx, key, primary)
}

// stillServed says why a gateway may still send requests to the canary: a route has the split, or its removal is not in effect,
// or has been in effect only for a moment.
func (u *cleanUp) stillServed(ctx context.Context, canary *v1alpha1.Canary, o observed.World) error {
	key, now := client.ObjectKeyFromObject(canary), time.Now()
	for _, r := range o.Routes {
		if route.SplitFor(r, key) != nil {
			return fmt.Errorf("%s still carries the split", r.Key().From(canary.Namespace))
		}
	}
	written := writtenBy(canary, o.Routes)
	if why := unprocessed(canary, written); why != "" {
		ends := first(u.restored, key, now).Add(rollout.GatewayLimit(written, o, deadlineOf(canary)))
		if now.Before(ends) {
			return fmt.Errorf("%s; the gateway is given up at %s%s", why, events.ClockTime(ends), tooLate(ctx, ends))
		}
		log.FromContext(ctx).Info("the gateway is given up, and may send requests to a canary that is gone", "canary", key, "because", why)
	}
	if now.Sub(first(u.cleared, key, now)) < analysis.Settle {
		return fmt.Errorf("all requests go to the primary; letting that settle for %s", analysis.Settle)
	}
	return nil
}

// writtenBy are the routes that the rollout of a Canary has written to.
func writtenBy(canary *v1alpha1.Canary, routes []route.Route) []route.Route {
	target := ptr.Deref(canary.Status.Target, v1alpha1.TargetStatus{})
	return slices.DeleteFunc(slices.Clone(routes), func(r route.Route) bool {
		isOne := slices.Contains(target.Routes, r.Key().Short(canary.Namespace))
		mayBe := target.MoreRoutes > 0 && route.SendsTo(r, types.NamespacedName{Namespace: canary.Namespace, Name: target.Service})
		return !isOne && !mayBe
	})
}

// unprocessed says which of the routes a gateway has not processed in its present form; empty when all are.
func unprocessed(canary *v1alpha1.Canary, routes []route.Route) string {
	var why []string
	for _, r := range routes {
		if ok, reason := route.Processed(r); !ok {
			why = append(why, fmt.Sprintf("%s: %s", r.Key().From(canary.Namespace), reason))
		}
	}
	return strings.Join(why, "; ")
}

// deadlineOf is the progress deadline of a Canary's rollout; the built-in one if its policy is not known.
func deadlineOf(canary *v1alpha1.Canary) time.Duration {
	if kept := canary.Status.Policy; kept != nil {
		if parsed, errs := policy.Parse(kept.Spec); len(errs) == 0 {
			return parsed.ProgressDeadline
		}
	}
	return policy.Defaults().ProgressDeadline
}

// tooLate says what to do if the clean-up ends before a gateway is given up; empty if it does not.
func tooLate(ctx context.Context, ends time.Time) string {
	if limit, has := ctx.Deadline(); !has || !ends.After(limit) {
		return ""
	}
	return ", which is after the time limit of the clean-up: repair the gateway's controller, delete the Gateway, or raise uninstall.timeout of the " +
		"chart and --timeout of helm"
}

// first returns when it was first called for the key.
func first(seen map[types.NamespacedName]time.Time, key types.NamespacedName, now time.Time) time.Time {
	if _, before := seen[key]; !before {
		seen[key] = now
	}
	return seen[key]
}

// removeOwned deletes the canary and everything that was created with it.
func (u *cleanUp) removeOwned(ctx context.Context, canary *v1alpha1.Canary) error {
	scaled, err := u.optional(ctx, canary.Namespace, kindScaledObject)
	if err != nil {
		return err
	}
	var objects []runtime.Object
	for i := range scaled {
		objects = append(objects, &scaled[i])
	}
	isCopy, err := labels.NewRequirement(config.LabelRole, selection.In, workload.CopyRoles)
	if err != nil {
		return fmt.Errorf("select copies: %w", err)
	}
	made := []client.ListOption{client.InNamespace(canary.Namespace), client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*isCopy)}}
	for _, list := range []client.ObjectList{&autoscalingv2.HorizontalPodAutoscalerList{}, &policyv1.PodDisruptionBudgetList{},
		&appsv1.DeploymentList{}, &corev1.ServiceList{}, &networkingv1.NetworkPolicyList{}} {
		if err := u.live.List(ctx, list, made...); err != nil {
			return fmt.Errorf("list copies: %w", err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return fmt.Errorf("read %T: %w", list, err)
		}
		objects = append(objects, items...)
	}
	for _, item := range objects {
		object, is := item.(client.Object)
		if !is || !ours(object, canary) {
			continue
		}
		if err := u.delete(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// forgetRollout keeps what is known of the Canary but closes its rollout, so that a candidate starts again from the beginning.
func (u *cleanUp) forgetRollout(ctx context.Context, canary *v1alpha1.Canary) error {
	canary.Status = v1alpha1.CanaryStatus{CanaryRecord: canary.Status.CanaryRecord, CanaryStanding: canary.Status.CanaryStanding}
	canary.Status.Message = "Sluice was uninstalled during the rollout; the rollout starts again at weight 0 once Sluice is back"
	if err := u.client.Status().Update(ctx, canary, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
