package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// fieldManager is who the API server remembers as having written a request.
const fieldManager = "kubectl-sluice"

// ask writes one field of the Canary's spec. The stamp is left to admission: removing the one that is there asks anew.
func (s *session) ask(ctx context.Context, canary *v1alpha1.Canary, field string, request map[string]any) error {
	var value any
	if request != nil {
		request["by"], request["at"] = nil, nil
		value = request
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{field: value}})
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	if err := s.client.Patch(ctx, canary.DeepCopy(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("write spec.%s of Canary %s/%s: %w", field, canary.Namespace, canary.Name, err)
	}
	return nil
}

// asking makes a verb that asks for something, with a reason.
func (p *plugin) asking(use, short string, run func(context.Context, *session, subject, string) (next string, err error)) *cobra.Command {
	var reason string
	cmd := p.named(use, short, func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		next, err := run(cmd.Context(), s, subject, reason)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "%s: %s\n", name, next)
		return err
	})
	cmd.Flags().StringVar(&reason, "reason", "", "A sentence that says why, for the status, the events and the history")
	return cmd
}

// of is a request for one candidate.
func of(hash string, attempt int32, reason string) map[string]any {
	return map[string]any{"candidate": hash, "attempt": attempt, "reason": reason}
}

func (p *plugin) pauseCommand() *cobra.Command {
	return p.asking("pause", "Take no step and promote nothing until resumed; checks go on and can still roll back",
		func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
			name := subject.canary.Name
			if pause := subject.canary.Spec.Paused; pause != nil {
				return "", fmt.Errorf("%s is paused already, by %s; kubectl sluice resume %s goes on", name, subject.stampLine(pause.Stamp, pause.Reason), name)
			}
			if err := s.ask(ctx, subject.canary, "paused", map[string]any{"reason": reason}); err != nil {
				return "", err
			}
			if subject.standing() != running {
				return fmt.Sprintf("paused; nothing is in flight, and the next change will wait until: kubectl sluice resume %s", name), nil
			}
			return fmt.Sprintf("paused at weight %v%%; checks go on and can still roll back; go on with: kubectl sluice resume %s",
				subject.canary.Status.CanaryWeight, name), nil
		})
}

func (p *plugin) resumeCommand() *cobra.Command {
	return p.named("resume", "Take steps again after a pause", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		byDeployment := subject.deployment != nil && subject.deployment.Spec.Paused
		hint := fmt.Sprintf("the Deployment is paused by its own spec.paused: kubectl rollout resume deployment/%s", name)
		switch {
		case subject.canary.Spec.Paused == nil && byDeployment:
			return fmt.Errorf("the Canary %s is not paused; %s", name, hint)
		case subject.canary.Spec.Paused == nil:
			return fmt.Errorf("the Canary %s is not paused", name)
		}
		if err := s.ask(cmd.Context(), subject.canary, "paused", nil); err != nil {
			return err
		}
		next := "resumed; the next step is taken when its checks have passed"
		if byDeployment {
			next = "resumed, and still waiting: " + hint
		}
		_, err = fmt.Fprintf(s.Out, "%s: %s\n", name, next)
		return err
	})
}

func (p *plugin) promoteCommand() *cobra.Command {
	var skip bool
	cmd := p.asking("promote", "Give the candidate to the Deployment without waiting for the remaining steps",
		func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
			hash, attempt := subject.inFlight()
			if hash == "" {
				return "", nothingInFlight(subject, "promote")
			}
			request := of(hash, attempt, reason)
			request["skipAnalysis"] = skip
			if err := s.ask(ctx, subject.canary, "promote", request); err != nil {
				return "", err
			}
			next := hash + " is promoted once a round of checks has passed"
			if skip {
				next = hash + " is promoted as soon as its canary is ready, without judging it"
			}
			if subject.canary.Spec.Paused != nil || subject.canary.Status.Paused != "" {
				next += ", after it is resumed, since it is paused"
			}
			return next + followHint(subject), nil
		})
	cmd.Flags().BoolVar(&skip, "skip-analysis", false, "Promote as soon as the canary is ready, whatever its checks say")
	return cmd
}

func (p *plugin) abortCommand() *cobra.Command {
	return p.asking("abort", "Roll the candidate in flight back", func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
		hash, attempt := subject.inFlight()
		if hash == "" {
			return "", nothingInFlight(subject, "abort")
		}
		if err := s.ask(ctx, subject.canary, "abort", of(hash, attempt, reason)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s is aborted: all requests go back to the Deployment, then the canary is removed; judge it again with: kubectl sluice retry %s",
			hash, subject.canary.Name), nil
	})
}

func (p *plugin) retryCommand() *cobra.Command {
	return p.asking("retry", "Judge a candidate again that failed or was aborted", func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
		hash, attempt := subject.stopped()
		if hash == "" {
			return "", fmt.Errorf("nothing to retry: no candidate of %s has failed or was aborted; %s", subject.canary.Name, subject.summary())
		}
		if err := s.ask(ctx, subject.canary, "retry", of(hash, attempt, reason)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s is judged again from the first step, attempt %d%s", hash, attempt+1, followHint(subject)), nil
	})
}

func nothingInFlight(subject subject, verb string) error {
	return fmt.Errorf("nothing to %s: no candidate of %s is in flight; %s", verb, subject.canary.Name, subject.summary())
}

func followHint(subject subject) string {
	return "; follow it with: kubectl sluice watch " + subject.canary.Name
}
