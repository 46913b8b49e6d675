package target

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// ControlService is the name of the Service of the control's pods.
func (t Target) ControlService() string {
	return workload.ControlServiceName(t.Service.Name)
}

// ControlObjects makes everything that runs the primary's template beside the canary, in the order of its writes: the policies that
// protect the pods, the Deployment, its Service and its disruption budgets. A control is never scaled by an autoscaler. The error says
// which part of the policy cannot be followed.
func ControlObjects(o observed.World, intent plan.ControlIntent, owner metav1.OwnerReference) ([]workload.Object, error) {
	identity, err := workload.ControlIdentity(o.Primary, o.Services, intent.Keys)
	if err != nil {
		return nil, err
	}
	control := workload.MakeControl(o.Primary, o.PrimaryHash(), identity, intent.Replicas, owner)
	if err := workload.Override(control, intent.Policy.Template); err != nil {
		return nil, err
	}
	return withCopy(o, control, serviceOf(o, control, intent.Service, owner), nil), nil
}

// NoControl says why no control can run beside the canary; empty if one can. It looks ahead to the objects, as for the canary.
func (t Target) NoControl(policy config.Policy, o observed.World) string {
	objects, err := ControlObjects(o, plan.ControlIntent{Replicas: 1, Keys: policy.IdentityLabels, Service: t.Service.Name, Policy: policy.Canary}, metav1.OwnerReference{})
	if err != nil {
		return err.Error()
	}
	for _, object := range objects {
		if foreign := foreignTo(o, object); foreign != "" {
			return foreign + " exists and is not Sluice's"
		}
		control, is := object.(*appsv1.Deployment)
		if !is {
			continue
		}
		if leak := workload.LeakOf(control.Spec.Template.Labels, o.Services, t.ControlService()); leak != nil {
			return "Service " + leak.Service + " would select its pods by label " + leak.Label
		}
		if bound := workload.BoundBy(control.Spec.Template.Spec, o.Claims); len(bound.OnePod) > 0 {
			return "PersistentVolumeClaim " + bound.OnePod[0] + " may be used by one pod at a time"
		}
		if miss := t.missesControl(policy, control, o); miss != "" {
			return miss + " would miss its pods"
		}
	}
	return t.notControls(o)
}

// missesControl names a policy or a monitor that would miss the control's pods and that the user does not let pass; empty if there is none.
func (t Target) missesControl(policy config.Policy, control *appsv1.Deployment, o observed.World) string {
	for _, miss := range missed(t, policy, control, o) {
		if (miss.Monitors || !miss.Elsewhere) && !slices.Contains(policy.MissedPolicies, miss.Ref) && !slices.Contains(policy.MissedPolicies, "*") {
			return miss.Object
		}
	}
	return ""
}

// notControls names what has the control's name and is somebody else's, or sends to it already; empty if nothing does.
func (t Target) notControls(o observed.World) string {
	if o.ControlForeign != "" {
		return o.ControlForeign + " exists and is not Sluice's"
	}
	service := t.Service
	service.Name = t.ControlService()
	for _, r := range t.Routes {
		if r.Namespace != o.Namespace {
			return r.Key().From(o.Namespace) + ", which is of another namespace, would need a grant for it"
		}
		if split := route.SplitFor(r, o.Key()); (split == nil || split.Control == "") && route.SendsTo(r, keyOf(&service)) {
			return r.Key().From(o.Namespace) + " already sends to Service " + service.Name
		}
	}
	return ""
}
