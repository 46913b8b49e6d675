package workload

import (
	"testing"

	"sluice.dev/sluice/config"
)

func TestCanaryReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		policy  config.Replicas
		primary int32
		weight  float64
		want    int32
	}{
		"a share":                              {config.Replicas{}, 10, 10, 1},
		"a share is rounded up":                {config.Replicas{}, 10, 11, 2},
		"a share of few":                       {config.Replicas{}, 4, 30, 2},
		"a share finer than a percent":         {config.Replicas{}, 1000, 0.2, 2},
		"a share that floats get wrong":        {config.Replicas{}, 10, 70.00000000000001, 7},
		"at least one":                         {config.Replicas{}, 10, 0, 1},
		"at least one of none":                 {config.Replicas{}, 0, 50, 1},
		"all":                                  {config.Replicas{}, 4, 100, 4},
		"a policy that says nothing":           {config.Replicas{}, 10, 50, 5},
		"as many as the primary":               {config.Replicas{Percent: 100}, 10, 5, 10},
		"a number":                             {config.Replicas{Number: 2}, 10, 50, 2},
		"a number is too small for all":        {config.Replicas{Number: 2}, 10, 100, 10},
		"a number may be more than all":        {config.Replicas{Number: 20}, 10, 100, 20},
		"a percentage":                         {config.Replicas{Percent: 30}, 10, 5, 3},
		"a percentage is rounded up":           {config.Replicas{Percent: 30}, 4, 90, 2},
		"a percentage is too small for all":    {config.Replicas{Percent: 30}, 10, 100, 10},
		"as many as the largest primary there": {config.Replicas{}, 1 << 30, 100, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CanaryReplicas(config.CanaryOverrides{Replicas: c.policy}, c.primary, c.weight); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestCanaryShare(t *testing.T) {
	for name, c := range map[string]struct {
		policy       config.Replicas
		weight, want float64
	}{
		"the weight":                 {config.Replicas{}, 12.5, 12.5},
		"the weight with a number":   {config.Replicas{Number: 3}, 20, 20},
		"a percentage":               {config.Replicas{Percent: 30}, 20, 30},
		"as the primary":             {config.Replicas{Percent: 100}, 20, 100},
		"all, whatever the policy":   {config.Replicas{Percent: 30}, 100, 100},
		"a percentage at any weight": {config.Replicas{Percent: 30}, 60, 30},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CanaryShare(config.CanaryOverrides{Replicas: c.policy}, c.weight); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
