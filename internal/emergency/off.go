package emergency

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// Off is what is missing until Sluice is off.
type Off struct {
	// Steps are the writes, in their order. First Sluice is kept from acting, then requests go back to primaries.
	Steps []Step
	// Record is what is remembered.
	Record Record
	// Kept says which canaries keep their requests, and why. Left are errors: what cannot be done.
	Kept, Left []string
}

// TurnOff returns what is missing until Sluice is off: nobody calls it, it does not reconcile, and all requests go to primaries. A
// canary keeps its requests if only its pods can answer, unless forced.
func TurnOff(w World, options Options) Off {
	off := Off{Record: w.nextRecord(options)}
	routes := off.routes(w, options)
	off.stopReconciling(w, options, len(routes) > 0)
	for _, configuration := range w.silencing() {
		if silence(configuration, off.Record) {
			off.add(kindOf(configuration)+" "+configuration.GetName(), "the API server does not call Sluice", configuration, update)
		}
	}
	off.Steps = append(off.Steps, routes...)
	for i := range w.Canaries {
		off.canary(w, w.Canaries[i].DeepCopy(), options)
	}
	return off
}

func (o *Off) add(object, does string, desired client.Object, how how) {
	o.Steps = append(o.Steps, Step{Object: object, Does: does, desired: desired, how: how})
}

// nextRecord is the record of the emergency that lasts, or that of a new one.
func (w World) nextRecord(options Options) Record {
	if record := w.Record(); record != nil && record.Ended == nil && isHeld(w.Lease) {
		return *record
	}
	record := Record{Stamp: Stamp{By: options.By, At: options.Now.UTC().Truncate(time.Second)}, Reason: options.Reason, Stopped: options.Now}
	if last := w.Record(); last != nil && last.Ended == nil {
		// A leader that ends gives the lease back, also after it was taken from it.
		record.Replicas, record.Routes = last.Replicas, last.Routes
	}
	if until := heldUntil(w.Lease); until.After(options.Now) {
		// The replica finds out when it renews, and stops before its lease would have run out.
		record.Stopped = until
	}
	return record
}

// stopReconciling takes the lease, and scales a controller that runs to 0, which is quicker. disobeys is set if requests go to
// canaries again after the lease was taken.
func (o *Off) stopReconciling(w World, options Options, disobeys bool) {
	controller := w.Controller()
	runs := controller != nil && workload.Replicas(controller) > 0 && o.acts(w, options.Now, disobeys)
	if runs {
		o.Record.Replicas = workload.Replicas(controller)
	}
	lease, err := taken(w.Lease, w.Namespace, o.Record, options.Now)
	how := update
	if w.Lease == nil {
		how = create
	}
	switch {
	case err != nil:
		o.Left = append(o.Left, err.Error())
	case !isHeld(w.Lease) || w.Lease.Annotations[Annotation] != lease.Annotations[Annotation]:
		o.Steps = append(o.Steps, Step{Object: fmt.Sprintf("Lease %s/%s", w.Namespace, Lease), Does: "no replica of Sluice reconciles", desired: lease, how: how, records: true})
	}
	if runs {
		o.Steps = append(o.Steps, scaled(controller, 0, fmt.Sprintf("scaled to 0; it had %d replicas", o.Record.Replicas)))
	}
}

// acts reports whether a Sluice runs that may still write. One that honours the lease does nothing without it.
func (o *Off) acts(w World, now time.Time, disobeys bool) bool {
	available := w.Controller().Status.AvailableReplicas > 0
	if isHeld(w.Lease) {
		return available && disobeys && now.After(o.Record.Stopped)
	}
	return available || now.Before(o.Record.Stopped)
}

// routes returns the steps that give requests back to primaries, and records the routes.
func (o *Off) routes(w World, options Options) []Step {
	var steps []Step
	o.Record.Routes = copied(o.Record.Routes)
	for _, r := range w.Routes {
		desired, err := route.Keeping(r.Route, func(split route.Split) bool { return !options.Force && w.onlyCanaryServes(split.DeploymentOn(r.Route)) })
		if err != nil {
			o.Left = append(o.Left, fmt.Sprintf("%s: %v: remove the annotation, and the rules whose names begin with sluice-", r.Key(), err))
			continue
		}
		for _, split := range statedOn(desired) {
			o.Kept = append(o.Kept, keeps(desired, split))
		}
		if route.Same(r.Route, desired) {
			continue
		}
		object := r.Object.DeepCopy()
		if err := desired.Into(object.Object); err != nil {
			o.Left = append(o.Left, fmt.Sprintf("%s: %v", r.Key(), err))
			continue
		}
		o.record(r.Route, desired)
		steps = append(steps, Step{Object: r.Key().String(), Does: lowers(r.Route, desired), desired: object, how: updateRoute})
	}
	return steps
}

// record notes the generation that the route will have.
func (o *Off) record(current, desired route.Route) {
	if _, known := o.Record.Routes[current.Key().String()]; !known && len(o.Record.Routes) >= mostRoutes {
		return
	}
	generation := current.Generation
	if !route.SameRules(current, desired) {
		generation++
	}
	o.Record.Routes[current.Key().String()] = generation
}

func copied(routes map[string]int64) map[string]int64 {
	result := make(map[string]int64, len(routes))
	for key, generation := range routes {
		result[key] = generation
	}
	return result
}

func statedOn(r route.Route) []route.Split {
	splits, _ := route.SplitsOf(r.Annotations) // what cannot be read, Keeping has refused
	return splits
}

// lowers says what a route no longer does.
func lowers(current, desired route.Route) string {
	var had []string
	for _, split := range statedOn(current) {
		if route.SplitFor(desired, split.DeploymentOn(current)) == nil {
			had = append(had, has(split, current))
		}
	}
	if len(had) == 0 {
		return "marked requests go where all others go"
	}
	return "all requests go to the primary; " + strings.Join(had, "; ")
}

// has says what the canary of a split gets.
func has(split route.Split, r route.Route) string {
	parts := []string{fmt.Sprintf("%g%%", route.WeightOf(r, split))}
	if len(split.Match) > 0 {
		parts = append(parts, "the requests that match")
	}
	if split.Affinity != nil && r.Kind == route.HTTP {
		parts = append(parts, "the users with its cookie")
	}
	if split.Mirror > 0 {
		parts = append(parts, fmt.Sprintf("copies of %g%%", split.Mirror))
	}
	return split.Canary + " had " + strings.Join(parts, ", ")
}

func keeps(r route.Route, split route.Split) string {
	deployment := split.DeploymentOn(r)
	return fmt.Sprintf("%s: %s keeps %g%%, because Deployment %s has no available replica and only its canary answers; make it ready "+
		"(kubectl describe deployment %s -n %s) and run this again, or use --force", r.Key(), split.Canary, route.WeightOf(r, split), deployment, deployment.Name, deployment.Namespace)
}

// canary lets go of a Canary: its deletion waits for nobody, and its rollout begins with the first step when Sluice is back.
func (o *Off) canary(w World, canary *v1alpha1.Canary, options Options) {
	key := client.ObjectKeyFromObject(canary)
	if !options.Force && w.onlyCanaryServes(key) {
		return
	}
	name := "Canary " + key.String()
	if w.restarts(canary) {
		o.add(name, "its rollout waits before the first step", o.restarted(canary, options.Now), updateStatus)
	}
	if controllerutil.RemoveFinalizer(canary, config.Finalizer) {
		o.add(name, "its deletion does not wait for Sluice", canary, release)
	}
}

// restarted returns the Canary with its rollout before the first step.
func (o *Off) restarted(canary *v1alpha1.Canary, now time.Time) *v1alpha1.Canary {
	canary, since := canary.DeepCopy(), stampOf(now)
	canary.Status = rollout.BeforeFirstStep(canary.Status, since)
	if canary.Status.Rollout.Interrupted != nil {
		canary.Status.Rollout.Interrupted.ReturnsTo = 0
	}
	canary.Status.Message = "Sluice is off (" + o.Record.String() + "); the rollout begins with the first step once Sluice is back"
	return canary
}

// restarts reports whether a rollout is under way that can begin with the first step again. One that has changed the primary, or is
// ending, goes on where it is.
func (w World) restarts(canary *v1alpha1.Canary) bool {
	status := canary.Status
	if status.DryRun || status.Rollout == nil || !observed.Judging(status) && status.Phase != v1alpha1.PhasePromoting {
		return false
	}
	primary := w.Deployments[types.NamespacedName{Namespace: canary.Namespace, Name: canary.Name}]
	if primary == nil || primary.Annotations[config.AnnotationPrevious] != "" {
		return false
	}
	return status.CanaryWeight > 0 || status.Open().Step.Number > 0 || status.Phase != v1alpha1.PhaseProgressing ||
		status.Open().Interrupted != nil && status.Open().Interrupted.ReturnsTo > 0
}

func stampOf(at time.Time) *metav1.MicroTime {
	stamp := metav1.NewMicroTime(at)
	return &stamp
}
