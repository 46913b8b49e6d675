// Package plugin is kubectl sluice. It shows rollouts and writes requests into the spec of their Canaries. Pure functions of
// objects and a time make all output.
package plugin

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/config"
)

// plugin holds what all commands share.
type plugin struct {
	genericiooptions.IOStreams
	flags *genericclioptions.ConfigFlags
	now   func() time.Time
}

// NewCommand returns kubectl sluice with all verbs.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	p := &plugin{IOStreams: streams, flags: genericclioptions.NewConfigFlags(true), now: time.Now}
	root := &cobra.Command{
		Use:         "kubectl-sluice",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl sluice"},
		Short:       "Show and control the canary rollouts of Sluice",
		Long: "Show and control the canary rollouts of Sluice, check manifests, and convert those of Flagger.\n\n" +
			"A rollout is named by its Canary or its Deployment: podinfo, canary/podinfo or deployment/podinfo.",
		Example:               "  kubectl sluice list -A\n  kubectl sluice explain podinfo\n  kubectl sluice promote podinfo --reason \"hotfix\"",
		Args:                  noVerb,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		DisableFlagsInUseLine: true,
		SilenceUsage:          true,
		SilenceErrors:         true,
	}
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	p.flags.AddFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(flagError)
	addGroup(root, "Show rollouts:", p.listCommand(), p.getCommand(), p.explainCommand(), p.watchCommand(), p.statusCommand(), p.historyCommand())
	addGroup(root, "Plan rollouts:", p.planCommand())
	addGroup(root, "Control rollouts:", p.pauseCommand(), p.resumeCommand(), p.promoteCommand(), p.abortCommand(), p.retryCommand())
	addGroup(root, "Freeze rollouts:", p.freezeCommand(), p.unfreezeCommand(), p.freezesCommand())
	addGroup(root, "When Sluice is down or wrong:", p.emergencyCommand())
	addGroup(root, "Work with manifests:", p.lintCommand(), p.migrateCommand(), p.simulateCommand(), p.metricsCommand(), p.presetsCommand())
	if namespace := root.PersistentFlags().Lookup("namespace"); namespace != nil {
		_ = root.RegisterFlagCompletionFunc("namespace", cobra.NoFileCompletions)
	}
	return root
}

// addGroup adds verbs that help lists under a title.
func addGroup(root *cobra.Command, title string, verbs ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, verb := range verbs {
		verb.GroupID = title
		root.AddCommand(verb)
	}
}

// noVerb refuses an unknown verb, with the nearest one and what to do next.
func noVerb(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, verb := range root.Commands() {
		names = append(names, verb.Name())
	}
	return fmt.Errorf("unknown command: %s (%s --help lists the commands)%s", args[0], root.CommandPath(), config.Nearest(args[0], names))
}

// flagError adds the nearest flag and what to do next to an error.
func flagError(cmd *cobra.Command, err error) error {
	meant := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, "--"+flag.Name) })
		meant = config.Nearest("--"+unknown.GetSpecifiedName(), names)
	}
	return fmt.Errorf("%w (%s --help lists the flags)%s", err, cmd.CommandPath(), meant)
}

// forCanary makes a verb that takes the name of one Canary.
func (p *plugin) forCanary(use, short string, run func(*cobra.Command, *session, string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " NAME",
		Short:             short,
		Example:           "  kubectl sluice " + use + " podinfo",
		Args:              oneName,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := plainName(args[0])
			if err != nil {
				return err
			}
			s, err := p.session()
			if err != nil {
				return err
			}
			return run(cmd, s, name)
		},
	}
}

// completeNames completes the names of the Canaries in the namespace.
func (p *plugin) completeNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := p.session()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := s.names(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
