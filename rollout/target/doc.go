// Package target finds what a rollout acts on: the Service, the routes, the gateway, the metrics, and the objects to make for the
// canary. Where something is missing it says what, and what to do.
//
// It looks at the policy and at what was observed, never at where the rollout stands, and writes nothing.
package target
