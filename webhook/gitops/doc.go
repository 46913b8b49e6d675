// Package gitops tests what GitOps engines and Helm make of the webhooks, at every moment of a rollout, with the engines
// themselves and a real API server.
package gitops
