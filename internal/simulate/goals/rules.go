package goals

import (
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/guarded"
	"sluice.dev/sluice/internal/simulate/rule"
)

// Flagger is Flagger's rule as its tutorials set it.
func Flagger() rule.Rule {
	return rule.Flagger{Interval: 60, Threshold: 5, Shares: rule.Steps(10, 50), Least: 99}
}

// SameSteps is the guard with Flagger's steps: five of a minute each, which end as Flagger's do. It holds nothing and waits for nothing, so
// the difference is that of the rules alone.
func SameSteps() rule.Rule {
	settings := guard.DefaultSettings()
	settings.Early, settings.HoldLimit = false, 0
	settings.MinDwell, settings.MaxDwell, settings.FinalWait = time.Minute, time.Minute, time.Minute
	settings.OnInconclusive, settings.OnSuspicious = guard.ThenPromote, guard.ThenPromote
	return guarded.Rule{Label: "guard, Flagger's steps", Settings: settings, Shares: rule.Steps(10, 50)}
}

// Default is the guard with everything left to it.
func Default() rule.Rule {
	return guarded.Rule{Label: "guard, default policy", Settings: guard.DefaultSettings()}
}

// Margins are those of the guard's defaults.
func Margins() simulate.Margins {
	return simulate.Margins{Rho: guard.DefaultRho, Delta: guard.DefaultDelta, SLO: guard.DefaultSLO}
}
