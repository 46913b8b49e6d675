package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/all"
	"sluice.dev/sluice/internal/provider/prometheus"
	"sluice.dev/sluice/internal/provider/web"
	"sluice.dev/sluice/internal/workload"
)

// anywhere are the rules for the user's own machine, from which the user may reach what the user may reach.
var anywhere = outbound.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}

func (p *plugin) metricsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "metrics",
		Short:   "Try the queries of checks",
		Example: "  kubectl sluice metrics test error-rate --canary podinfo",
		Args:    noVerb,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.metricsTestCommand())
	return cmd
}

// trial is what the user asks for.
type trial struct {
	template, canary, address string
	interval                  time.Duration
}

func (p *plugin) metricsTestCommand() *cobra.Command {
	var t trial
	cmd := &cobra.Command{
		Use:   "test [NAMESPACE/]TEMPLATE",
		Short: "Ask the query of a MetricTemplate once, and say how the answer would be judged",
		Long: "Ask the query of a MetricTemplate once, from this machine, and say how the answer would be judged.\n\n" +
			"The values of the query, and the limits, are those of the rollout that --canary names. Credentials are read from the Secret of the\n" +
			"template, so you need to be allowed to read it.",
		Example: "  kubectl sluice metrics test error-rate --canary podinfo\n  kubectl sluice metrics test metrics/latency --canary podinfo -n shop --address http://localhost:9090",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("name one MetricTemplate, such as metrics test error-rate --canary podinfo")}
			}
			s, err := p.session()
			if err != nil {
				return err
			}
			t.template = args[0]
			var page page
			err = t.run(cmd.Context(), s.client, s.namespace, &page)
			return errors.Join(page.writeTo(s.Out), err)
		},
	}
	cmd.Flags().StringVar(&t.canary, "canary", "", "The Canary whose values and limits are used")
	cmd.Flags().StringVar(&t.address, "address", "", "Another address of the server, such as that of a port-forward")
	cmd.Flags().DurationVar(&t.interval, "interval", time.Minute, "How far back to look, if the check does not say it")
	return cmd
}

// run asks the query of each check of the Canary that uses the template; once, if none does.
func (t trial) run(ctx context.Context, reader client.Reader, namespace string, page *page) error {
	key := client.ObjectKey{Namespace: namespace, Name: t.template}
	if before, after, qualified := strings.Cut(t.template, "/"); qualified {
		key = client.ObjectKey{Namespace: before, Name: after}
	}
	var template v1alpha1.MetricTemplate
	if err := reader.Get(ctx, key, &template); err != nil {
		return fmt.Errorf("read MetricTemplate %s: %w", key, err)
	}
	server, err := t.server(ctx, reader, &template)
	if err != nil {
		return err
	}
	canary := v1alpha1.Canary{}
	if t.canary != "" {
		if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: t.canary}, &canary); err != nil {
			return fmt.Errorf("read Canary %s/%s: %w", namespace, t.canary, err)
		}
	} else if strings.Contains(template.Spec.Query, "{{") {
		return usageError{errors.New("the query has values of a rollout: name one with --canary")}
	}
	for _, metric := range metricsWith(&canary, key) {
		if err := t.ask(ctx, page, metric, &template, server, &canary); err != nil {
			return err
		}
	}
	return nil
}

// server is the one that answers, with its credentials.
func (t trial) server(ctx context.Context, reader client.Reader, template *v1alpha1.MetricTemplate) (*analysis.Server, error) {
	of := template.Spec.Provider
	of.Address = cmp.Or(t.address, of.Address)
	server := analysis.ServerOf(template.Namespace, of)
	if server == nil {
		return nil, usageError{errors.New("the template asks the controller's Prometheus: name it with --address, such as that of a port-forward")}
	}
	if of.SecretRef == nil {
		return server, nil
	}
	key := client.ObjectKey{Namespace: template.Namespace, Name: of.SecretRef.Name}
	var secret corev1.Secret
	if err := reader.Get(ctx, key, &secret); err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", key, err)
	}
	if secret.Labels[config.LabelCredentials] != "true" {
		return nil, fmt.Errorf("Secret %s lacks the label %s=true, so the controller would not use it: add the label", key, config.LabelCredentials)
	}
	credentials, problem := analysis.CredentialsOf(server.Type, secret.Data)
	if problem != "" {
		return nil, fmt.Errorf("Secret %s %s", key, problem)
	}
	server.Credentials = credentials
	return server, nil
}

// metricsWith are the checks of a Canary's policy that use a template; one without limits, if none does.
func metricsWith(canary *v1alpha1.Canary, template client.ObjectKey) []v1alpha1.Metric {
	var found []v1alpha1.Metric
	if policy := canary.Status.Policy; policy != nil && policy.Spec.Analysis != nil {
		for _, metric := range policy.Spec.Analysis.Metrics {
			if ref := metric.TemplateRef; ref != nil && ref.Name == template.Name && cmp.Or(ref.Namespace, canary.Namespace) == template.Namespace {
				found = append(found, metric)
			}
		}
	}
	if len(found) == 0 {
		found = []v1alpha1.Metric{{Name: template.Name, TemplateRef: &v1alpha1.ObjectRef{Name: template.Name, Namespace: template.Namespace}}}
	}
	return found
}

// ask asks the query of one check, and writes what was sent, what came, and how it would be judged.
func (t trial) ask(ctx context.Context, page *page, metric v1alpha1.Metric, template *v1alpha1.MetricTemplate, server *analysis.Server, canary *v1alpha1.Canary) error {
	policy := config.Policy{Checks: []v1alpha1.Metric{metric}}
	check := analysis.ChecksOf(policy)[0]
	check.Query, check.Server = template.Spec.Query, server
	if problem := analysis.VariablesProblem(check); problem != "" && canary.Namespace != template.Namespace {
		return errors.New(problem)
	}
	queries, err := analysis.QueriesFor(check, "", measured(canary), cmp.Or(check.Window, t.interval))
	if err != nil {
		return fmt.Errorf("check %q: %w", metric.Name, err)
	}
	own, err := prometheus.New("", anywhere)
	if err != nil {
		return err
	}
	samples := all.Providers(own, web.New(anywhere)).Query(ctx, queries)
	for i, query := range queries {
		page.printf("CHECK    %s\nSERVER   %s %s\nQUERY    %s\nANSWER   %s\n", metric.Name, server.Type, server.Address, strings.TrimSpace(query.Expression), answerOf(samples[i]))
	}
	if metric.ThresholdRange == nil && metric.Threshold == nil && metric.Condition == "" && metric.RatioRange == nil {
		page.printf("VERDICT  none: no check of the Canary uses this template\n\n")
		return nil
	}
	result := analysis.Judge(policy, samples)[0]
	page.printf("VERDICT  %s (%s) %s\n\n", result.Verdict, result.Threshold, result.Message)
	return nil
}

// answerOf is what a server answered, in words.
func answerOf(sample analysis.Sample) string {
	switch {
	case sample.Err != "":
		return sample.Provider + " could not answer: " + sample.Err
	case sample.Missing:
		return "no data"
	}
	return fmt.Sprint(sample.Value)
}

// measured is the canary as queries name it.
func measured(canary *v1alpha1.Canary) analysis.Target {
	target := analysis.Target{Namespace: canary.Namespace, Primary: canary.Name, Workload: workload.CanaryName(canary.Name)}
	if found := canary.Status.Target; found != nil {
		target.PrimaryService = found.Service
		if len(found.Routes) > 0 {
			target.Route = found.Routes[0][strings.LastIndexByte(found.Routes[0], '/')+1:]
		}
	}
	return target
}
