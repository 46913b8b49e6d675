package observed

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// State is what a rollout continues from: the status of the Canary.
type State = v1alpha1.CanaryStatus

// World is everything that one tick has read. A missing object is nil or empty, never an error.
type World struct {
	// Now is when the tick began.
	Now time.Time
	// SeenSince is since when this process has looked at the Canary without a break. Before that, Sluice or the API server
	// may have been away.
	SeenSince time.Time
	// Nonce is a random word of letters and digits, different in each tick.
	Nonce string
	// Namespace and Name are those of the Deployment and its Canary.
	Namespace, Name string
	// Spec carries the requests of users.
	Spec v1alpha1.CanarySpec
	// DeletedAt is when the deletion of the Canary was requested; nil when it was not.
	DeletedAt *time.Time
	// Finalizer is set while the Canary carries our finalizer.
	Finalizer bool
	// Primary is the user's Deployment.
	Primary *appsv1.Deployment
	// Candidate is the template that the primary holds back.
	Candidate *workload.Candidate
	// Previous is the template that a promotion replaced. It is there until the promotion is settled.
	Previous *workload.Previous
	// Directs are the changes of the primary's template that admission let straight through, the oldest first. They are there until
	// they are settled.
	Directs workload.Directs
	// LeftOut says who sent a manifest without the opt-in; nil if nobody did, or somebody has asked for it since.
	LeftOut *workload.LeftOut
	// Invalid says which annotation of the primary cannot be read; empty when all can.
	Invalid string
	// Policy is the effective policy now, as the status shows it. If there is none it is nil, and PolicyProblem says why.
	Policy        *v1alpha1.PolicyStatus
	PolicyProblem string
	// CanaryDeployment is the canary. Foreign names an object that has its name, or that of its Service, and belongs to
	// somebody else.
	CanaryDeployment *appsv1.Deployment
	Foreign          string
	// CanaryRefused is what the API server says of the Deployment that would run this candidate if it refuses that as
	// invalid; empty when it does not.
	CanaryRefused string
	// CanaryForbidden is what the API server last said when it forbade an object of the canary for now, such as by a quota;
	// empty when it did not.
	CanaryForbidden string
	// Written is what this process last wrote to the canary; nil if it has written nothing since its start. Editor names who
	// last changed the canary's pod template, and when. It is read only if the template is not the written one.
	Written *Written
	Editor  string
	// PodProblem is what Kubernetes last reported about pods of the canary that are not available; empty if that is nothing
	// or may not be read.
	PodProblem string
	// Pods are those of both versions. Nil while none is judged, and if they may not be read.
	Pods *Pods
	// Claims are the access modes of the PersistentVolumeClaims that the candidate names; without those that may not be read.
	Claims map[string][]corev1.PersistentVolumeAccessMode
	// CanaryService is the Service of the canary's pods.
	CanaryService *corev1.Service
	// ReadyEndpoints is how many ready pods the canary's Service has.
	ReadyEndpoints int32
	// PrimaryEndpoints is how many ready pods the Services of the primary have. It is read only while no replica of the primary
	// is available.
	PrimaryEndpoints int32
	// ControlEndpoints is how many ready pods the control's Service has. ControlForeign names an object that has the name of the control,
	// or of its Service, and belongs to somebody else.
	ControlEndpoints int32
	ControlForeign   string
	// Services are all Services of the namespace.
	Services []corev1.Service
	// Routes are the routes of all watched namespaces.
	Routes []route.Route
	// Autoscalers, ScaledObjects, Budgets and NetworkPolicies are those of the namespace, without the ones made for this
	// Deployment's canary. They are read only while a rollout is open or about to start.
	Autoscalers     []autoscalingv2.HorizontalPodAutoscaler
	ScaledObjects   []unstructured.Unstructured
	Budgets         []policyv1.PodDisruptionBudget
	NetworkPolicies []networkingv1.NetworkPolicy
	// Coverage are the policies and monitors that may miss the canary. They are read before a rollout starts, and kept while it is
	// open. Nil means that nobody has looked.
	Coverage *coverage.Reading
	// Made are the objects of these kinds that were made for this Deployment's canary, and everything that was made for its control.
	Made []workload.Object
	// Applied says for each generated object what happened when this process last applied it.
	Applied map[GeneratedKey]Applied
	// Grants are the ReferenceGrants of the namespace, and those of other namespaces in which the policy names backends.
	Grants []gatewayv1.ReferenceGrant
	// GeneratedGrants are the ReferenceGrants of all namespaces that were generated for this Deployment. NoGrants is set
	// when none may be made. Watched are the namespaces in which they may be made; empty for all.
	GeneratedGrants []gatewayv1.ReferenceGrant
	NoGrants        bool
	Watched         []string
	// Gateways, Classes and ListenerSets are those of the cluster.
	Gateways     []gatewayv1.Gateway
	Classes      []gatewayv1.GatewayClass
	ListenerSets []gatewayv1.ListenerSet
	// Prometheus is set when an address of Prometheus is configured.
	Prometheus bool
	// QueryNamespaces are those whose policies and MetricTemplates may ask this Prometheus queries of their own; empty for all.
	QueryNamespaces []string
	// Templates are the existing MetricTemplates that the policy names.
	Templates map[types.NamespacedName]Template
	// Samples answer the queries of Needs; nil when none were due or they have not arrived. A tick does not wait for them.
	// Sampled is when they were asked for.
	Samples []analysis.Sample
	Sampled time.Time
	// Counters are the raw counters of both versions, and History those of the primary's last hour. Each is nil when it was not
	// due or has not arrived.
	Counters, History *Counters
	// LastAsked is the last round of raw counters that a tick of this process has used; zero if there was none.
	LastAsked Asked
	// HookAnswers are the answers that have arrived to the hook calls of Needs.
	HookAnswers []HookAnswer
	// Freezes are all Freezes of the cluster.
	Freezes []v1alpha1.Freeze
	// Limits are how many rollouts may be open at the same time.
	Limits Limits
	// Peers are the other Canaries: with Limits all of them, otherwise those of the same group.
	Peers []Peer
	// DryRun simulates the rollout: its plans have no effects.
	DryRun bool
}

// Split is a split and the route that carries it.
type Split struct {
	Key   route.Key
	Split route.Split
}

// Splits returns the splits that routes carry for this Deployment.
func (o World) Splits() []Split {
	var found []Split
	for _, r := range o.Routes {
		if split := route.SplitFor(r, o.Key()); split != nil {
			found = append(found, Split{r.Key(), *split})
		}
	}
	return found
}

// Key names the Deployment and its Canary.
func (o World) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: o.Namespace, Name: o.Name}
}

// InFlight returns the candidate if there is one and it has neither failed nor been aborted.
func (o World) InFlight() *workload.Candidate {
	if !o.Candidate.InFlight() {
		return nil
	}
	return o.Candidate
}

// OptedIn reports whether the Deployment exists and asks for canaries.
func (o World) OptedIn() bool {
	return o.Primary != nil && config.OptedIn(o.Primary.Annotations)
}

// Promoted reports whether the primary runs the candidate of a state through a promotion that is not settled yet.
func (o World) Promoted(state State) bool {
	return o.Previous != nil && o.Previous.PromotedID().Is(IDOf(state))
}

// PrimaryHash identifies the primary's template by the fields that this release knows.
func (o World) PrimaryHash() string {
	template, err := workload.TemplateOf(o.Primary.Spec.Template)
	if err != nil {
		return ""
	}
	return template.Hash()
}
