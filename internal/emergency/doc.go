// Package emergency takes Sluice out of the way of a whole cluster without its help, and brings it back. It works while Sluice is
// down, and stops one that runs and is wrong.
//
// Read reads the cluster once, as a World. TurnOff and TurnOn are pure: they return the writes that are missing, in their order,
// so that a run that was interrupted is completed by another. Apply does one of them.
//
// Three things make Sluice do nothing, and none is a field that the chart sets, so that neither Helm nor a GitOps tool puts it back:
// a match condition that is false in each webhook, the lease, which the emergency holds, and the annotation that records it. The
// number of replicas is the exception. It is set to 0 only if Sluice runs.
package emergency
