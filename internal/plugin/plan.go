package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/emergency"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/forecast"
	"sluice.dev/sluice/rollout/strategy"
)

// mostRuns is the largest number of simulated rollouts of each kind.
const mostRuns = 10000

// asking is what a user asks of plan.
type asking struct {
	address, preset, sluice string
	runs                    int
	seed                    uint64
	output                  string
}

func (p *plugin) planCommand() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "plan NAME",
		Short: "Say what a rollout will be like, by this app's traffic of the last hour",
		Long: "Say before a rollout what it will be like: how long it takes, how many requests a regression of 1 %, 5 % or 50 % hits, how often a\n" +
			"healthy version is rolled back, which checks will have data, and which settings halve any of these.\n\n" +
			"The policy, the route and the metrics are those that the controller would use. The app's last hour is read from Prometheus. Then\n" +
			"rollouts are simulated on traffic like that, and judged by the guard as the controller runs it. Each setting that is proposed was\n" +
			"simulated, too. Nothing is changed. The same numbers of the last hour, --runs and --seed give the same plan.\n\n" +
			"Without --from-prometheus, Prometheus is asked at the address of the controller's setting prometheusUrl. That is mostly one inside\n" +
			"of the cluster: then forward a port to it, and name that.",
		Example: "  kubectl sluice plan podinfo\n" +
			"  kubectl -n monitoring port-forward service/prometheus 9090 &\n" +
			"  kubectl sluice plan podinfo --from-prometheus http://localhost:9090 --runs 1000",
		Args:              oneDeployment,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.check(); err != nil {
				return err
			}
			name, err := plainName(args[0])
			if err != nil {
				return err
			}
			return p.plan(cmd.Context(), a, name)
		},
	}
	cmd.Flags().StringVar(&a.address, "from-prometheus", "", "URL of the Prometheus that has the app's last hour; default: the controller's")
	cmd.Flags().StringVar(&a.preset, "preset", "", "Which metrics count its requests: "+config.PresetNames()+"; default: as the controller chooses")
	cmd.Flags().StringVar(&a.sluice, "sluice-namespace", emergency.DefaultNamespace, "The namespace of Sluice, where its setting prometheusUrl is read")
	cmd.Flags().IntVar(&a.runs, "runs", 200, "Simulated rollouts of each kind of version, under each setting that is tried")
	cmd.Flags().Uint64Var(&a.seed, "seed", 1, "Seed of the simulated traffic")
	cmd.Flags().StringVarP(&a.output, "output", "o", "", "Output format: json; default: a page")
	return cmd
}

func oneDeployment(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && args[0] != "" {
		return nil
	}
	return fmt.Errorf("expected the name of one Deployment: %s NAME; kubectl get deployments shows the names", cmd.CommandPath())
}

func (a asking) check() error {
	switch {
	case a.runs < 1 || a.runs > mostRuns:
		return fmt.Errorf("--runs %d: must be from 1 to %d", a.runs, mostRuns)
	case a.output != "" && a.output != "json":
		return fmt.Errorf("--output %s: must be json; leave it out for a page", a.output)
	}
	return nil
}

// planned is everything that is known before a rollout.
type planned struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Policy names the policies that set a value; empty if everything is built in or set by annotations.
	Policy string `json:"policy,omitempty"`
	// Routes carry the split, and Metrics is the preset of the counters.
	Routes  []string `json:"routes,omitempty"`
	Metrics string   `json:"metrics,omitempty"`
	// Judge is what decides.
	Judge string          `json:"judge"`
	Steps []strategy.Step `json:"steps"`
	// Traffic is that of the last hour; nil if it was not needed.
	Traffic *lastHour `json:"traffic,omitempty"`
	// Unplayed says why nothing was simulated; empty if it was.
	Unplayed string `json:"notSimulated,omitempty"`
	Runs     int    `json:"runs"`
	Seed     uint64 `json:"seed"`
	// Now is how rollouts go as everything is, and Options how they would with other settings.
	Now     *forecast.Result  `json:"now,omitempty"`
	Slow    *simulate.Summary `json:"twiceAsSlow,omitempty"`
	Options []forecast.Option `json:"options,omitempty"`
	Data    []forecast.Data   `json:"checks,omitempty"`
	// Notes are what the numbers leave out.
	Notes []string `json:"notes,omitempty"`

	alpha    float64
	early    bool
	minDwell time.Duration
}

// lastHour is the app's traffic.
type lastHour struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	// Errors is the share of the requests that failed, 0 to 1.
	Errors float64 `json:"errors"`
	Pods   int     `json:"pods,omitempty"`
	// Scrape is the time between two scrapes in seconds; 0 if it is not known.
	Scrape float64 `json:"scrapeSeconds"`
}

// plan reads, simulates and writes.
func (p *plugin) plan(ctx context.Context, a asking, name string) error {
	r, err := p.planReading()
	if err != nil {
		return err
	}
	if err := r.read(ctx, a, name); err != nil {
		return err
	}
	result := r.planned(a)
	if result.Unplayed == "" {
		if err := r.forecast(ctx, a, &result); err != nil {
			return err
		}
	}
	if a.output == "json" {
		return writeRounded(p.Out, result)
	}
	return writePage(p.Out, result.page)
}

// planned is what follows from the cluster alone.
func (r *planReading) planned(a asking) planned {
	policy := r.present.Policy
	result := planned{Namespace: r.namespace, Name: r.name, Policy: policyLine(r.present.Status), Routes: r.routes, Metrics: string(r.target.Preset),
		Judge: judgeOf(policy), Unplayed: forecast.Unplayable(policy), Runs: a.runs, Seed: a.seed, Notes: r.notes,
		alpha: policy.Guard.Alpha, early: policy.Guard.Enabled && policy.Guard.EarlyAdvance, minDwell: policy.Guard.MinDwell}
	result.Steps = forecast.StepsOf(policy, 0)
	result.Notes = append(result.Notes, notesOf(policy)...)
	return result
}

// forecast simulates rollouts on the traffic of the last hour.
func (r *planReading) forecast(ctx context.Context, a asking, result *planned) error {
	app, err := r.lastHour(ctx)
	if err != nil {
		return err
	}
	r.forecastOf(a, app, r.answers(ctx), result)
	return nil
}

// forecastOf simulates rollouts of an app. The answers are those to the policy's own queries.
func (r *planReading) forecastOf(a asking, app forecast.App, answers map[string]forecast.Data, result *planned) {
	question := forecast.Question{Policy: r.present.Policy, App: app, Runs: a.runs, Seed: a.seed}
	result.Steps = forecast.StepsOf(r.present.Policy, app.Before.Rate)
	result.Traffic = &lastHour{app.Before.Rate, app.Before.Errors, app.Pods, app.Scrape.Seconds()}
	result.Notes = append(result.Notes, app.Notes()...)
	result.Data = question.Data(r.raw, answers)
	now := question.Play()
	result.Now, result.Slow = &now, question.Slow()
	result.Options = question.Options(now, r.changed)
}

// errNoPrometheus is what a plan without an address fails with.
var errNoPrometheus = errors.New("no Prometheus is configured, so the app's traffic is not known: name one with --from-prometheus URL, and set the chart value prometheusUrl, without which no rollout starts")

// writeRounded writes JSON with numbers of six digits: the last bits differ between machines.
func writeRounded(out io.Writer, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return fmt.Errorf("decode the plan: %w", err)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(roundedNumbers(tree))
}

// roundedNumbers rounds the numbers of decoded JSON that are not whole.
func roundedNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, each := range v {
			v[key] = roundedNumbers(each)
		}
	case []any:
		for i, each := range v {
			v[i] = roundedNumbers(each)
		}
	case json.Number:
		if number, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return json.Number(strconv.FormatFloat(number, 'g', 6, 64))
		}
	}
	return value
}
