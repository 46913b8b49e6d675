// Package target finds what a rollout acts on: the Service, the routes, the gateway, the metrics, and the objects to make for
// the canary. If something is missing, it says what is missing and what to do.
//
// It looks at the policy and at what was observed, never at the progress of the rollout. It writes nothing.
package target
