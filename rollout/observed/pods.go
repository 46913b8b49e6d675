package observed

import "sluice.dev/sluice/internal/workload"

// Pods are the pods of the canary and of the primary, as they are.
type Pods struct {
	Canary, Primary []workload.PodHealth
}
