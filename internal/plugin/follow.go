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

// follow calls seen with every state of one rollout, the present one first, until it reports done.
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
	// What follows tries again for ever, which is of no use to a user who may not list.
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
	return p.named("watch", "Follow a rollout and print every change until it ends", func(cmd *cobra.Command, s *session, name string) error {
		if _, err := s.read(cmd.Context(), name); err != nil {
			return err
		}
		var last string
		err := s.follow(cmd.Context(), name, func(subject subject) (bool, error) {
			if line := watchLine(subject); line != last {
				last = line
				var page page
				page.printf("%s  %s\n", subject.now.Format(time.TimeOnly), line)
				if err := page.writeTo(s.Out); err != nil {
					return false, err
				}
			}
			return subject.standing() != running, nil
		})
		if errors.Is(err, watchtools.ErrWatchClosed) || cmd.Context().Err() != nil {
			return nil
		}
		return err
	})
}

// watchLine is one state in one line, without what changes by itself.
func watchLine(s subject) string {
	weight := fmt.Sprintf("%3v%%", s.canary.Status.CanaryWeight)
	if observed := observedOf(s.canary.Status); observed != "" {
		weight += " (" + observed + ")"
	}
	return fmt.Sprintf("%-18s %s  %s", s.phase(), weight, s.summary())
}

// exitCodes are those of status.
const exitCodes = "  0  promoted, or nothing to roll out\n  1  wrong usage, or an error\n  2  rolled back or aborted\n  3  still running"

func (p *plugin) statusCommand() *cobra.Command {
	var wait bool
	var timeout span
	cmd := p.named("status", "Report the state of the last change in one line and by the exit code", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		if wait && subject.standing() == running {
			if subject, err = s.waitForEnd(cmd.Context(), subject, time.Duration(timeout)); err != nil {
				return err
			}
		}
		return s.tellStanding(subject)
	})
	cmd.Long = "Report the state of the last change of a Deployment in one line and by the exit code:\n\n" + exitCodes
	cmd.Example = "  kubectl sluice status podinfo --wait --timeout 30m"
	cmd.Flags().BoolVar(&wait, "wait", false, "Wait until the rollout ends")
	cmd.Flags().Var(&timeout, "timeout", "How long to wait at most with --wait, such as 30m; no limit by default")
	return cmd
}

// waitForEnd returns the last state that was seen: the end, or where the rollout stood when the time was over.
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

func (s *session) tellStanding(subject subject) error {
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
	switch subject.standing() {
	case running:
		return codedError{code: ExitRunning}
	case rolledBack:
		return codedError{code: ExitRolledBack}
	}
	return nil
}
