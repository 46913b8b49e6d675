package plan

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// CanaryAction is what to do with the canary.
type CanaryAction string

const (
	// CanaryLeave leaves the canary as it is.
	CanaryLeave CanaryAction = ""
	// CanaryEnsure makes the canary run the candidate with the plan's replicas.
	CanaryEnsure CanaryAction = "ensure"
	// CanaryScale only gives the canary the plan's replicas. After a promotion the primary holds back no candidate, or a newer
	// one.
	CanaryScale CanaryAction = "scale"
	// CanaryRemove removes the canary and everything that was made with it.
	CanaryRemove CanaryAction = "remove"
)

// CanaryIntent is what the canary should be.
type CanaryIntent struct {
	Action CanaryAction
	// Rewrite is set when the pod template must be written even if the canary seems to have it. Replace is set when objects that
	// cannot be changed may be deleted and created again: no route sends anything to the canary.
	Rewrite, Replace bool
	// Replicas is how many the canary should have. With an autoscaler of its own, it is the least.
	Replicas int32
	// Share is the size of the canary in percent of the primary.
	Share float64
	// Identity are the labels that the canary's pods get in place of the primary's.
	Identity workload.Identity
	// Service is the name of the primary's Service. The canary's pods get a copy of it.
	Service string
	// Policy is how the canary differs from the primary. Autoscaler names the primary's autoscaler; nil to find it.
	Policy     config.CanaryOverrides
	Autoscaler *v1alpha1.AutoscalerRef
	// Metadata are further labels and annotations of the canary's Service; nil for none.
	Metadata *v1alpha1.Metadata
	// Grant lets routes of other namespaces send to the canary's Service; nil if no further one is needed. Ungrant is set when one
	// exists that no route needs any more.
	Grant   *gatewayv1.ReferenceGrant
	Ungrant bool
}

// AskIntent is one request to admission: an annotation on the primary, with an ID as its value.
type AskIntent struct {
	// Key of the annotation; empty for no request.
	Key string
	// Of is the candidate, the previous template or the direct change.
	Of workload.ID
	// By is the user on whose behalf the tick asks; empty for none.
	By string
	// Keep is the field around the template that stays when the candidate is put in; empty for none. Such a request has no By.
	Keep string
}

// rest is what follows the ID.
func (a AskIntent) rest() string { return cmp.Or(a.By, a.Keep) }

// Value of the annotation: the ID and, after a space, the user or the field that stays.
func (a AskIntent) Value() string { return strings.TrimSpace(a.Of.String() + " " + a.rest()) }

// String is the request for logs and golden files.
func (a AskIntent) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s=%s %s", strings.TrimPrefix(a.Key, "sluice.dev/"), workload.Short(a.Of.Hash), a.rest()))
}

// Plan is what one tick has decided: the next state and the effects that follow from it. Every effect is idempotent.
type Plan struct {
	Next   observed.State
	Canary CanaryIntent
	// Control is written after Canary. Without a fresh baseline there is none.
	Control ControlIntent
	Split   SplitIntent
	// Cohorts is written to the routes together with Split.
	Cohorts  CohortIntent
	Generate GenerateIntent
	Ask      AskIntent
	// Finalizer says whether the Canary should carry our finalizer after this tick.
	Finalizer bool
	// Directs are the ways in which the primary's template was changed without a canary, for the metric.
	Directs []workload.DirectWay
	// DeleteCanary is set when nothing is left to do for a Deployment that is no longer opted in.
	DeleteCanary bool
	Events       []events.Event
	// Tells are the hooks to notify after all writes, without waiting for their answers.
	Tells []HookCall
	// Wait is the time until the next tick if nothing happens before; 0 for none.
	Wait time.Duration
}

// String is one line for logs and golden files: the phase, the effects and the reason.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", p.Next.Phase)
	if p.Next.Phase == "" {
		b.WriteString("-")
	}
	if number := p.Next.Open().Step.Number; number > 0 {
		fmt.Fprintf(&b, " step %d", number)
	}
	switch p.Canary.Action {
	case CanaryEnsure, CanaryScale:
		fmt.Fprintf(&b, ", canary with %d replicas", p.Canary.Replicas)
	case CanaryRemove:
		b.WriteString(", remove canary")
	}
	switch p.Control.Action {
	case ControlEnsure:
		fmt.Fprintf(&b, ", control with %d replicas", p.Control.Replicas)
	case ControlRemove:
		b.WriteString(", remove control")
	}
	switch p.Split.Action {
	case SplitWrite:
		fmt.Fprintf(&b, ", split %v%%", p.Split.Split.Weight)
	case SplitRemove:
		b.WriteString(", no split")
	}
	b.WriteString(p.Generate.String())
	if p.Ask.Key != "" {
		fmt.Fprintf(&b, ", ask %s", p.Ask)
	}
	if p.DeleteCanary {
		b.WriteString(", delete Canary")
	}
	fmt.Fprintf(&b, ": %s", p.Next.Message)
	return b.String()
}
