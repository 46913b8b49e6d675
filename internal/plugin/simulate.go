package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/internal/plugin/manifest"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/report"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// mostReps is the largest number of rollouts of each scenario.
const mostReps = 100000

// simulation is what a user asks for.
type simulation struct {
	policy, scenario string
	peers            []string
	seed             uint64
	reps             int
	output           string
	past             past
}

func (p *plugin) simulateCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use:   "simulate --scenario FILE | simulate NAME --from-prometheus URL",
		Short: "Play rollouts of a policy on simulated traffic, or replay a past one, without a cluster",
		Long: "Play rollouts of a policy on simulated traffic, and count how they end: how often a healthy version is rolled back and a bad\n" +
			"one promoted, how many requests fail meanwhile, and how long it takes. Other rules may be played on the same requests:\n" +
			"checks, which is the built-in check of errors; flagger, argo, kayenta; and sliding, which is how checks were made before.\n" +
			"The guard judges by sequential tests; it is on unless a policy has guard.enabled: false. The same seed gives the same\n" +
			"output on every machine.\n\n" +
			"Without steps of its own, the policy takes the guard's ladder. Metrics and hooks of the policy are not played. The exit\n" +
			"code says how it went:\n\n" +
			"  0  everything was played\n  1  the policy or the scenarios have mistakes, or the recorded rollout cannot be read\n" +
			"  2  wrong usage, or a file that does not exist\n\n" +
			"With --from-prometheus, a past rollout of the Deployment NAME is replayed: what would the guard have done? The counters of\n" +
			"the canary and of its primary, and an hour of the primary before it, are read from Prometheus.",
		Example: "  kubectl sluice simulate --policy policy.yaml --scenario grid.yaml --peer flagger:interval=60s,threshold=5\n" +
			"  kubectl sluice simulate --scenario grid.yaml -o svg > rollouts.svg\n" +
			"  kubectl sluice simulate podinfo -n demo --from-prometheus http://localhost:9090 --preset app --start 2026-01-02T12:00:00Z --end 2026-01-02T12:10:00Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.past.address != "" {
				return p.replay(cmd, s, args)
			}
			return p.simulate(s, args)
		},
	}
	cmd.Flags().StringVar(&s.policy, "policy", "", "File with one CanaryPolicy or ClusterCanaryPolicy; without it everything is as built in")
	cmd.Flags().StringVar(&s.scenario, "scenario", "", "File with the scenarios, or - for stdin")
	cmd.Flags().StringArrayVar(&s.peers, "peer", nil, "Another rule to play, such as flagger:interval=60s,threshold=5; can be repeated")
	cmd.Flags().Uint64Var(&s.seed, "seed", 1, "Seed of the traffic")
	cmd.Flags().IntVar(&s.reps, "reps", 400, "Rollouts of each scenario under each rule")
	cmd.Flags().StringVarP(&s.output, "output", "o", "markdown", "Output format: markdown, json, csv or svg")
	s.past.addFlags(cmd.Flags())
	cmd = ofFiles(cmd)
	cmd.Args = nil
	return cmd
}

// simulate plays everything and writes the result.
func (p *plugin) simulate(s simulation, args []string) error {
	if err := s.check(args); err != nil {
		return usageError{err}
	}
	asked, err := p.policyToSimulate(s.policy)
	if err != nil {
		return err
	}
	scenarios, err := p.scenarios(s.scenario)
	if err != nil {
		return err
	}
	rules := []rule.Rule{asked.rule()}
	for _, peer := range s.peers {
		other, err := rule.Parse(peer, asked.given())
		if err != nil {
			return usageError{fmt.Errorf("--peer: %w", err)}
		}
		rules = append(rules, other)
	}
	settings := asked.settings
	plan := simulate.Plan{Scenarios: scenarios, Rules: rules, Seed: s.seed, Rollouts: s.reps,
		Margins: simulate.Margins{Rho: settings.Rho, Delta: settings.Delta, SLO: settings.SLO}}
	return writeSimulation(p.Out, plan, s.output)
}

func (s simulation) check(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("unexpected argument %s: the name of a Deployment needs --from-prometheus", args[0])
	case s.past != past{}:
		return errors.New("--start, --end, --preset and --service are for a past rollout: give --from-prometheus URL, too")
	case s.scenario == "":
		return errors.New("no scenarios given: name a file with --scenario FILE, or --scenario - for stdin")
	case s.reps < 1 || s.reps > mostReps:
		return fmt.Errorf("--reps %d: must be from 1 to %d", s.reps, mostReps)
	}
	return s.checkOutput()
}

func (s simulation) checkOutput() error {
	switch s.output {
	case "markdown", "json", "csv", "svg":
		return nil
	}
	return fmt.Errorf("--output %s: must be markdown, json, csv or svg", s.output)
}

// scenarios reads the file of scenarios.
func (p *plugin) scenarios(name string) ([]traffic.Scenario, error) {
	var content []byte
	var err error
	if name == "-" {
		content, err = io.ReadAll(p.In)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, usageError{err}
	}
	var object map[string]any
	if err := yaml.UnmarshalStrict(content, &object); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var grid simulate.Grid
	errs := manifest.Decode(object, &grid)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %w", name, errs.ToAggregate())
	}
	scenarios, errs := grid.Scenarios()
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %w", name, errs.ToAggregate())
	}
	return scenarios, nil
}

// writeSimulation plays and writes.
func writeSimulation(out io.Writer, plan simulate.Plan, output string) error {
	result := report.Report{Seed: plan.Seed, Rollouts: plan.Rollouts, Cells: simulate.Run(plan)}
	var text []byte
	switch output {
	case "json":
		return report.JSON(out, result)
	case "csv":
		text = report.CSV(result)
	case "svg":
		telling := plan.Telling()
		text = report.SVG(result, telling, simulate.Timelines(plan, telling))
	default:
		text = report.Markdown(result)
	}
	_, err := out.Write(text)
	return err
}
