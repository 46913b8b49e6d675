package plan

import "sluice.dev/sluice/config"

// ControlAction is what to do with the control.
type ControlAction string

const (
	// ControlLeave leaves the control as it is.
	ControlLeave ControlAction = ""
	// ControlEnsure makes the control run the primary's template with the plan's replicas.
	ControlEnsure ControlAction = "ensure"
	// ControlRemove removes the control and everything that was made with it.
	ControlRemove ControlAction = "remove"
)

// ControlIntent is what the control should be.
type ControlIntent struct {
	Action ControlAction
	// Replicas is how many pods the control should have: as many as the canary.
	Replicas int32
	// Keys are the labels by which the control's pods differ from the primary's; none to find them.
	Keys []string
	// Service is the name of the primary's Service. The control's pods get a copy of it.
	Service string
	// Policy is how the copy differs from the primary, as the canary does.
	Policy config.CanaryOverrides
}
