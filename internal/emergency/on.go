package emergency

import (
	"errors"
	"fmt"

	"sluice.dev/sluice/internal/workload"
)

// On is what is missing until Sluice is back. The three parts come one after the other: a guard without a replica that answers refuses
// every change of an opted-in Deployment.
type On struct {
	// Start scales the controller back; nil if it was not scaled to 0.
	Start *Step
	// Guard lets the API server call Sluice.
	Guard []Step
	// Release lets Sluice reconcile; nil if it may.
	Release *Step
}

// Steps are all writes, in their order.
func (o On) Steps() []Step {
	var steps []Step
	if o.Start != nil {
		steps = append(steps, *o.Start)
	}
	steps = append(steps, o.Guard...)
	if o.Release != nil {
		steps = append(steps, *o.Release)
	}
	return steps
}

// TurnOn returns what is missing until Sluice is back. The error says why it cannot come back, and what to do.
func TurnOn(w World, options Options) (On, error) {
	if !w.installed() && !options.Force {
		return On{}, errors.New("the webhook configurations zz-sluice do not exist, so nothing would be guarded: upgrade with the chart that is installed " +
			"(helm upgrade sluice charts/sluice -n " + w.Namespace + " --reset-then-reuse-values), and run this again")
	}
	on, record := On{}, Record{Stamp: Stamp{By: "unknown"}}
	if last := w.Record(); last != nil {
		record = *last
	}
	on.Start = w.restart(record)
	for _, configuration := range w.restoring() {
		if restoreCalls(configuration) {
			on.Guard = append(on.Guard, Step{Object: kindOf(configuration) + " " + configuration.GetName(), Does: "the API server calls Sluice", desired: configuration})
		}
	}
	if !isHeld(w.Lease) {
		return on, nil
	}
	record.Ended, record.Routes, record.Replicas = &Stamp{By: options.By, At: options.Now.UTC()}, nil, 0
	lease, err := released(w.Lease, record)
	if err != nil {
		return on, err
	}
	on.Release = &Step{Object: fmt.Sprintf("Lease %s/%s", w.Namespace, Lease), Does: "a replica of Sluice reconciles", desired: lease}
	return on, nil
}

// restart returns the step that scales the controller back; nil if it was not scaled to 0.
func (w World) restart(record Record) *Step {
	controller := w.Controller()
	if controller == nil || record.Ended != nil || record.Replicas == 0 || workload.Replicas(controller) > 0 {
		return nil
	}
	step := scaled(controller, record.Replicas, fmt.Sprintf("scaled to %d again", record.Replicas))
	return &step
}

// NotReady says why no replica of Sluice answers; empty if one is ready.
func (w World) NotReady() string {
	controller := w.Controller()
	switch {
	case controller == nil:
		return fmt.Sprintf("Deployment %s/%s does not exist", w.Namespace, Deployment)
	case workload.Replicas(controller) == 0:
		return fmt.Sprintf("Deployment %s/%s is scaled to 0: kubectl scale deployment %s -n %s --replicas=2", w.Namespace, Deployment, Deployment, w.Namespace)
	case controller.Status.AvailableReplicas == 0 && w.unissued():
		return fmt.Sprintf("Deployment %s/%s has no available replica, and cannot have one before it has a certificate, which it makes once it reconciles: "+
			"when its pods run, use --force", w.Namespace, Deployment)
	case controller.Status.AvailableReplicas == 0:
		return fmt.Sprintf("Deployment %s/%s has no available replica: kubectl describe pods -n %s -l app.kubernetes.io/name=sluice", w.Namespace, Deployment, w.Namespace)
	case controller.Status.ObservedGeneration < controller.Generation:
		return "the Deployment controller has not seen the last change yet"
	}
	return ""
}

// unissued reports whether a webhook has no certificate authority yet. Only a replica with the lease makes one.
func (w World) unissued() bool {
	for i := range w.Mutating {
		for _, webhook := range w.Mutating[i].Webhooks {
			if webhook.ClientConfig.Service != nil && len(webhook.ClientConfig.CABundle) == 0 {
				return true
			}
		}
	}
	return false
}
