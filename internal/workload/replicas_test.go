package workload

import (
	"testing"

	"sluice.dev/sluice/config"
)

func TestCanaryReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		policy  string
		primary int32
		weight  float64
		want    int32
	}{
		"a share":                              {config.ReplicasProportional, 10, 10, 1},
		"a share is rounded up":                {config.ReplicasProportional, 10, 11, 2},
		"a share of few":                       {config.ReplicasProportional, 4, 30, 2},
		"a share finer than a percent":         {config.ReplicasProportional, 1000, 0.2, 2},
		"a share that floats get wrong":        {config.ReplicasProportional, 10, 70.00000000000001, 7},
		"at least one":                         {config.ReplicasProportional, 10, 0, 1},
		"at least one of none":                 {config.ReplicasProportional, 0, 50, 1},
		"all":                                  {config.ReplicasProportional, 4, 100, 4},
		"a policy that says nothing":           {"", 10, 50, 5},
		"as many as the primary":               {config.ReplicasPrimary, 10, 5, 10},
		"a number":                             {"2", 10, 50, 2},
		"a number is too small for all":        {"2", 10, 100, 10},
		"a number may be more than all":        {"20", 10, 100, 20},
		"a percentage":                         {"30%", 10, 5, 3},
		"a percentage is rounded up":           {"30%", 4, 90, 2},
		"a percentage is too small for all":    {"30%", 10, 100, 10},
		"a percentage of what cannot be read":  {"x%", 10, 50, 5},
		"as many as the largest primary there": {config.ReplicasProportional, 1 << 30, 100, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CanaryReplicas(config.CopyPolicy{Replicas: c.policy}, c.primary, c.weight); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestCanaryShare(t *testing.T) {
	for name, c := range map[string]struct {
		policy       string
		weight, want float64
	}{
		"the weight":                 {config.ReplicasProportional, 12.5, 12.5},
		"the weight with a number":   {"3", 20, 20},
		"a percentage":               {"30%", 20, 30},
		"as the primary":             {config.ReplicasPrimary, 20, 100},
		"all, whatever the policy":   {"30%", 100, 100},
		"a percentage at any weight": {"30%", 60, 30},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CanaryShare(config.CopyPolicy{Replicas: c.policy}, c.weight); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
