// Package plugin is kubectl sluice: it shows rollouts, and asks for something in the spec of their Canaries. All that it
// prints is made by pure functions from objects and a moment.
package plugin

import (
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// plugin is what all commands share.
type plugin struct {
	genericiooptions.IOStreams
	flags *genericclioptions.ConfigFlags
	now   func() time.Time
}

// NewCommand returns kubectl sluice with all its verbs.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	p := &plugin{IOStreams: streams, flags: genericclioptions.NewConfigFlags(true), now: time.Now}
	root := &cobra.Command{
		Use:           "kubectl-sluice",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl sluice"},
		Short:         "Show and steer the canary rollouts of Sluice",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	p.flags.AddFlags(root.PersistentFlags())
	root.AddCommand(
		p.listCommand(), p.getCommand(), p.watchCommand(), p.statusCommand(), p.historyCommand(), p.explainCommand(),
		p.pauseCommand(), p.resumeCommand(), p.promoteCommand(), p.abortCommand(), p.retryCommand(),
		p.freezeCommand(), p.unfreezeCommand(), p.freezesCommand(),
		p.lintCommand(), p.migrateCommand(),
	)
	if namespace := root.PersistentFlags().Lookup("namespace"); namespace != nil {
		_ = root.RegisterFlagCompletionFunc("namespace", cobra.NoFileCompletions)
	}
	return root
}

// named makes a verb that takes the name of one Canary.
func (p *plugin) named(use, short string, run func(*cobra.Command, *session, string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " NAME",
		Short:             short,
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

// completeNames offers the Canaries of the namespace to the shell.
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
