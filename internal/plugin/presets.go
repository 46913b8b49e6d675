package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/presets"
)

func (p *plugin) presetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "presets [NAME]",
		Short: "List whose metrics Sluice knows, or show what one of them needs and cannot see",
		Long: "List the presets of metrics: which gateway, mesh or app counts requests, and for which gateways each is chosen. With a name, show\n" +
			"the series and labels that it reads, what must be set for them to be there, what they cannot see, and where their names come from.\n\n" +
			"No cluster is needed: the presets are those of this release of the plugin.",
		Example: "  kubectl sluice presets\n  kubectl sluice presets istio",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return strings.Split(config.PresetNames(), ", "), cobra.ShellCompDirectiveNoFileComp
		},
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			all := presets.All()
			if len(args) == 0 {
				return writePresets(p.Out, all)
			}
			at := slices.IndexFunc(all, func(known presets.Preset) bool { return known.Name == args[0] })
			if at < 0 {
				names := strings.Split(config.PresetNames(), ", ")
				return usageError{fmt.Errorf("there is no preset %q: choose one of %s%s", args[0], config.PresetNames(), config.Nearest(args[0], names))}
			}
			return writePreset(p.Out, all[at])
		},
	}
}

// provenBy says how the names of a preset were proven.
var provenBy = map[presets.Proof]string{presets.Running: "running it", presets.Documents: "its documents", presets.NotVerified: "not verified"}

// writePresets lists presets.
func writePresets(out io.Writer, all []presets.Preset) error {
	var page page
	rows := [][]string{{"PRESET", "COUNTED BY", "PROVEN BY", "CHOSEN FOR"}}
	for _, p := range all {
		by := string(p.Counts)
		if p.Uses != "" {
			by = "as " + p.Uses
		}
		chosen := strings.Join(p.Controllers, ", ")
		if chosen == "" {
			chosen = "only by its name"
		}
		rows = append(rows, []string{p.Name, by, provenBy[p.Proven], chosen})
	}
	page.table(rows)
	return page.writeTo(out)
}

// writePreset shows one preset.
func writePreset(out io.Writer, p presets.Preset) error {
	var page page
	page.printf("%s: %s\n", p.Name, p.Of)
	if len(p.Controllers) > 0 {
		page.printf("chosen for controllerName %s\n", strings.Join(p.Controllers, ", "))
	}
	if p.Uses != "" {
		page.printf("reads the series of preset %s: kubectl sluice presets %s\n", p.Uses, p.Uses)
	} else {
		page.printf("\nSERIES (of each version, the first whose requests answer)\n")
		rows := [][]string{{"REQUESTS", "STATUS", "DURATIONS", "UNIT"}}
		for _, s := range p.Series {
			status := strings.Join(append([]string{s.Code}, s.GRPC...), " ")
			rows = append(rows, []string{s.Requests, strings.TrimSpace(status), s.Buckets, string(s.Unit)})
		}
		page.table(rows)
		page.printf("\nversions are told apart by the label %s: %s\n", p.Version.Label, versionOf(p.Version))
		for _, label := range p.Labels {
			page.printf("other labels: %s\n", matcherOf(label))
		}
	}
	for _, need := range p.Needs {
		page.printf("\nNEEDS for %s:\n  %s\n  in %s\n", need.Missing, need.Add, need.To)
	}
	page.printf("\nCANNOT SEE\n")
	for _, sentence := range p.CannotSee {
		page.printf("- %s\n", sentence)
	}
	page.printf("\nSOURCE\n")
	for _, source := range p.Source {
		page.printf("- %s\n", source)
	}
	return page.writeTo(out)
}

func versionOf(v presets.Version) string {
	if v.Is != "" {
		return "the " + strings.ReplaceAll(v.Is, "-", " ")
	}
	return strings.Join(v.Like, " or ")
}

func matcherOf(l presets.Label) string {
	switch {
	case l.Matches != "":
		return l.Name + " matches " + l.Matches
	case l.Not != "":
		return l.Name + " is not " + l.Not
	}
	return l.Name + " is " + l.Is
}
