package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/freeze"
)

// stopName is the default name of a Freeze of the whole cluster.
const stopName = "stop"

// freezing holds the flags of freeze.
type freezing struct {
	everything bool
	mode       string
	reason     string
	lasts      span
	until      string
}

// forFreeze makes a verb that takes at most one name of a Freeze.
func (p *plugin) forFreeze(use, short string, run func(cmd *cobra.Command, s *session, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " [NAME]",
		Short:             short,
		Args:              mostOneName,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.session()
			if err != nil {
				return err
			}
			return run(cmd, s, args)
		},
	}
}

func (p *plugin) freezeCommand() *cobra.Command {
	var f freezing
	cmd := p.forFreeze("freeze", "Stop rollouts in the namespace, or with --all in the whole cluster",
		func(cmd *cobra.Command, s *session, args []string) error {
			made, err := f.make(args, s.namespace, s.now())
			if err != nil {
				return err
			}
			return s.freeze(cmd.Context(), made)
		})
	cmd.Long = "Stop rollouts in the namespace, or with --all in the whole cluster, until the freeze ends. Checks of running rollouts\n" +
		"continue and can still roll back. The freeze is an object of kind Freeze, named " + stopName + "-NAMESPACE, " + stopName + " (with --all) or NAME."
	cmd.Example = "  kubectl sluice freeze --all --for 2h --reason \"the payment provider is down\""
	cmd.Flags().BoolVar(&f.everything, "all", false, "Freeze the whole cluster instead of one namespace")
	cmd.Flags().StringVar(&f.mode, "mode", string(v1alpha1.FreezePause), "Pause: stop running rollouts too; Start: stop only new ones")
	cmd.Flags().StringVar(&f.reason, "reason", "", "Why, in one sentence; shown wherever a rollout waits; required")
	cmd.Flags().Var(&f.lasts, "for", "How long the freeze lasts, such as 2h; until unfrozen by default")
	cmd.Flags().StringVar(&f.until, "until", "", "When the freeze ends, such as 2026-01-02T15:04:05Z")
	return cmd
}

// make makes the Freeze from the flags.
func (f freezing) make(args []string, namespace string, now time.Time) (*v1alpha1.Freeze, error) {
	made := &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: stopName}, Spec: v1alpha1.FreezeSpec{Reason: f.reason, Mode: v1alpha1.FreezeMode(f.mode)}}
	if !f.everything {
		made.Name, made.Spec.Namespaces = stopName+"-"+namespace, []string{namespace}
	}
	if len(args) == 1 {
		made.Name = args[0]
	}
	switch {
	case f.reason == "":
		return nil, errors.New("--reason is required: say why in one sentence, such as --reason \"the payment provider is down\"")
	case made.Spec.Mode != v1alpha1.FreezePause && made.Spec.Mode != v1alpha1.FreezeStart:
		return nil, fmt.Errorf("--mode %s: must be Pause or Start", f.mode)
	}
	var err error
	made.Spec.Until, err = f.end(now)
	return made, err
}

// end is when the freeze ends; nil if it lasts until unfrozen.
func (f freezing) end(now time.Time) (*metav1.Time, error) {
	switch {
	case f.lasts > 0 && f.until != "":
		return nil, errors.New("--for and --until cannot be used together: keep one of them")
	case f.lasts > 0:
		return &metav1.Time{Time: now.Add(time.Duration(f.lasts))}, nil
	case f.until == "":
		return nil, nil
	}
	until, err := time.Parse(time.RFC3339, f.until)
	if err != nil || !until.After(now) {
		return nil, fmt.Errorf("--until %s: must be a time in the future, such as %s", f.until, now.Add(time.Hour).UTC().Format(time.RFC3339))
	}
	return &metav1.Time{Time: until}, nil
}

func (s *session) freeze(ctx context.Context, made *v1alpha1.Freeze) error {
	err := s.client.Create(ctx, made, client.FieldOwner(fieldManager))
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("Freeze %s already exists; to see it: kubectl sluice freezes; to end it: kubectl sluice unfreeze %s", made.Name, made.Name)
	}
	if err != nil {
		return fmt.Errorf("create Freeze %s: %w", made.Name, err)
	}
	what := "no rollout starts, and running ones are paused; checks continue and can still roll back"
	if made.Spec.Mode == v1alpha1.FreezeStart {
		what = "no rollout starts; running ones continue"
	}
	_, err = fmt.Fprintf(s.Out, "Freeze %s covers %s: %s; to end it: kubectl sluice unfreeze %s\n", made.Name, where(made), what, made.Name)
	return err
}

func (p *plugin) unfreezeCommand() *cobra.Command {
	var everything bool
	cmd := p.forFreeze("unfreeze", "End the freeze of the namespace, a named one, or with --all every one without a schedule",
		func(cmd *cobra.Command, s *session, args []string) error {
			switch {
			case everything && len(args) > 0:
				return errors.New("--all and a name cannot be used together: keep one of them")
			case everything:
				return s.unfreezeAll(cmd.Context())
			case len(args) == 0:
				args = []string{stopName + "-" + s.namespace}
			}
			return s.unfreeze(cmd.Context(), args[0])
		})
	cmd.Example = "  kubectl sluice unfreeze"
	cmd.Flags().BoolVar(&everything, "all", false, "End every freeze without a schedule")
	return cmd
}

func (s *session) unfreeze(ctx context.Context, name string) error {
	err := s.client.Delete(ctx, &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("Freeze %s does not exist; kubectl sluice freezes lists those that do", name)
	}
	if err != nil {
		return fmt.Errorf("delete Freeze %s: %w", name, err)
	}
	_, err = fmt.Fprintf(s.Out, "Freeze %s ended: rollouts continue unless another Freeze holds them\n", name)
	return err
}

func (s *session) unfreezeAll(ctx context.Context) error {
	var list v1alpha1.FreezeList
	if err := s.client.List(ctx, &list); err != nil {
		return fmt.Errorf("list Freezes: %w", err)
	}
	ended := 0
	for i := range list.Items {
		if list.Items[i].Spec.Schedule != "" {
			continue
		}
		if err := s.unfreeze(ctx, list.Items[i].Name); err != nil {
			return err
		}
		ended++
	}
	if ended > 0 {
		return nil
	}
	_, err := fmt.Fprintln(s.ErrOut, "There is no Freeze without a schedule; kubectl sluice freezes lists the scheduled ones")
	return err
}

func (p *plugin) freezesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "freezes",
		Example:           "  kubectl sluice freezes",
		Short:             "List freezes: what is frozen, until when, by whom and why",
		Args:              noArguments("it lists all; to end one: kubectl sluice unfreeze NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.session()
		if err != nil {
			return err
		}
		var list v1alpha1.FreezeList
		if err := s.client.List(cmd.Context(), &list); err != nil {
			return fmt.Errorf("list Freezes: %w", err)
		}
		if done, err := printed(flags, &list, s.Out); done {
			return err
		}
		if len(list.Items) == 0 {
			_, err = fmt.Fprintln(s.ErrOut, "No Freezes found")
			return err
		}
		return writeFreezes(s.Out, list.Items, s.now())
	}
	return cmd
}

// writeFreezes prints the table of Freezes.
func writeFreezes(out io.Writer, freezes []v1alpha1.Freeze, now time.Time) error {
	rows := [][]string{{"NAME", "ACTIVE", "MODE", "UNTIL", "NEXT", "WHERE", "BY", "REASON"}}
	for i := range freezes {
		f := &freezes[i]
		status, _ := freeze.StatusOf(f, now)
		mode := f.Spec.Mode
		if mode == "" {
			mode = v1alpha1.FreezeStart
		}
		rows = append(rows, []string{f.Name, fmt.Sprint(status.Active), string(mode), due(status.ActiveUntil), due(status.NextStart),
			where(f), orNone(f.Spec.By), f.Spec.Reason})
	}
	var page page
	page.table(rows)
	return page.writeTo(out)
}

func due(moment *metav1.Time) string {
	if moment == nil {
		return "-"
	}
	return moment.UTC().Format(time.RFC3339)
}

// where is the scope of a Freeze.
func where(f *v1alpha1.Freeze) string {
	place := "the cluster"
	if len(f.Spec.Namespaces) > 0 {
		place = strings.Join(f.Spec.Namespaces, ",")
	}
	if f.Spec.Selector != nil {
		place += " with " + metav1.FormatLabelSelector(f.Spec.Selector)
	}
	return place
}
