// Package workload knows Deployments and the Services of their pods: template hashes, the candidate, the canary, readiness.
// It is pure: values in, values out.
package workload
