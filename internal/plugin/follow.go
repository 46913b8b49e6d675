package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// follow calls seen with every state of a rollout, starting with the current one, until it returns done.
func (s *session) follow(ctx context.Context, name string, seen func(subject) (done bool, err error)) error {
	condition := func(event watch.Event) (bool, error) {
		canary, ok := event.Object.(*v1alpha1.Canary)
		if !ok || event.Type == watch.Bookmark {
			return false, nil
		}
		if event.Type == watch.Deleted {
			return false, fmt.Errorf("Canary %s was deleted: its Deployment was opted out or deleted", name)
		}
		subject, err := s.subjectOf(ctx, canary)
		if err != nil {
			return false, err
		}
		return seen(subject)
	}
	source := s.listerWatcher(name)
	// UntilWithSync retries a list without end, even if the user may not list.
	if _, err := source.ListWithContext(ctx, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("list Canary %s/%s: %w", s.namespace, name, err)
	}
	_, err := watchtools.UntilWithSync(ctx, source, &v1alpha1.Canary{}, nil, condition)
	return err
}

// listerWatcher lists and watches one Canary.
func (s *session) listerWatcher(name string) *cache.ListWatch {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		raw.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		return &client.ListOptions{Namespace: s.namespace, Raw: &raw}
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := &v1alpha1.CanaryList{}
			return list, s.client.List(ctx, list, options(raw))
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			return s.client.Watch(ctx, &v1alpha1.CanaryList{}, options(raw))
		},
	}
}

func (p *plugin) watchCommand() *cobra.Command {
	cmd := p.forCanary("watch", "Follow a rollout and print every change until it ends", func(cmd *cobra.Command, s *session, name string) error {
		last, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		if err := s.print("TIME    ", watchHead); err != nil {
			return err
		}
		var lastLine string
		err = s.follow(cmd.Context(), name, func(subject subject) (bool, error) {
			last = subject
			ended := subject.standing() != running
			line := watchLine(subject)
			if line == lastLine {
				return ended, nil
			}
			lastLine = line
			return ended, s.print(subject.now.Format(time.TimeOnly), line)
		})
		if err != nil && !errors.Is(err, watchtools.ErrWatchClosed) && cmd.Context().Err() == nil {
			return err
		}
		return exitOf(last.standing())
	})
	cmd.Long = "Follow a rollout and print every change until it ends. The exit code says how it ended, as with status --wait:\n\n" + exitCodes
	return cmd
}

// print writes one line of watch.
func (s *session) print(moment, line string) error {
	var page page
	page.printf("%s  %s\n", moment, line)
	return page.writeTo(s.Out)
}

// Rows come one by one, so their columns have fixed widths: the first has room for the longest phase.
const (
	phaseWidth   = len("WaitingPromotion (dry run)")
	watchColumns = "%-*s  %6s  %8s  %s"
)

var watchHead = fmt.Sprintf(watchColumns, phaseWidth, "PHASE", "WEIGHT", "OBSERVED", "MESSAGE")

// watchLine is a state on one line, without values that change with time alone.
func watchLine(s subject) string {
	status := s.canary.Status
	observed := orNone(status.Observed.Weight)
	if status.Observed.Weight != "" {
		observed += "%"
	}
	return fmt.Sprintf(watchColumns, phaseWidth, s.phase(), fmt.Sprintf("%v%%", status.CanaryWeight), observed, s.summary())
}

// exitCodes explains the exit codes of status and watch.
const exitCodes = "  0  promoted, or nothing to roll out\n  1  wrong usage, or an error\n  2  rolled back or aborted\n  3  still running"

func (p *plugin) statusCommand() *cobra.Command {
	var wait bool
	var timeout span
	cmd := p.forCanary("status", "Report the state of the last change in one line and by the exit code", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		if wait && subject.standing() == running {
			if subject, err = s.waitForEnd(cmd.Context(), subject, time.Duration(timeout)); err != nil {
				return err
			}
		}
		return s.writeStanding(subject)
	})
	cmd.Long = "Report the state of the last change of a Deployment in one line and by the exit code:\n\n" + exitCodes
	cmd.Example = "  kubectl sluice status podinfo --wait --timeout 30m"
	cmd.Flags().BoolVar(&wait, "wait", false, "Wait until the rollout ends")
	cmd.Flags().Var(&timeout, "timeout", "How long to wait at most with --wait, such as 30m; no limit by default")
	return cmd
}

// waitForEnd returns the last state that was seen: the end, or the state at the timeout.
func (s *session) waitForEnd(ctx context.Context, last subject, timeout time.Duration) (subject, error) {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := s.follow(waiting, last.canary.Name, func(seen subject) (bool, error) {
		last = seen
		return seen.standing() != running, nil
	})
	if waiting.Err() != nil && ctx.Err() == nil {
		return last, nil
	}
	return last, err
}

func (s *session) writeStanding(subject subject) error {
	name := subject.canary.Name
	if subject.deployment == nil {
		note := "Deployment %s cannot be read. This state is based on the Canary's status, which can lag behind by a moment.\n"
		if _, err := fmt.Fprintf(s.ErrOut, note, name); err != nil {
			return err
		}
	}
	var page page
	page.printf("%s is %s: %s: %s\n", name, subject.standing(), subject.phase(), subject.summary())
	if err := page.writeTo(s.Out); err != nil {
		return err
	}
	return exitOf(subject.standing())
}

// exitOf is the error that ends the process with the exit code of a standing; nil for 0.
func exitOf(standing standing) error {
	switch standing {
	case running:
		return codedError{code: ExitRunning}
	case rolledBack:
		return codedError{code: ExitRolledBack}
	}
	return nil
}
