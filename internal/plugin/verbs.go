package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// fieldManager is the name under which the API server records writes of the plugin.
const fieldManager = "kubectl-sluice"

// request writes one field of the Canary's spec. Admission fills in the stamp: clearing an existing one makes the request new.
func (s *session) request(ctx context.Context, canary *v1alpha1.Canary, field string, request map[string]any) error {
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

// requesting makes a verb that writes a request with a reason.
func (p *plugin) requesting(use, short string, run func(context.Context, *session, subject, string) (next string, err error)) *cobra.Command {
	var reason string
	cmd := p.forCanary(use, short, func(cmd *cobra.Command, s *session, name string) error {
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
	cmd.Flags().StringVar(&reason, "reason", "", "Why, in one sentence; shown in the status, the events and the history")
	return cmd
}

// of makes a request for one candidate.
func of(id workload.ID, reason string) map[string]any {
	request := map[string]any{"candidate": id.Hash, "attempt": id.Attempt, "requested": nil, "reason": reason}
	if !id.At.IsZero() {
		request["requested"] = id.Requested()
	}
	return request
}

func (p *plugin) pauseCommand() *cobra.Command {
	cmd := p.requesting("pause", "Pause a rollout; checks continue and can still roll it back",
		func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
			name := subject.canary.Name
			if pause := subject.canary.Spec.Paused; pause != nil {
				return "", fmt.Errorf("%s is already paused by %s; to resume: kubectl sluice resume %s", name, subject.stampLine(pause.Stamp, pause.Reason), name)
			}
			if err := s.request(ctx, subject.canary, "paused", map[string]any{"reason": reason}); err != nil {
				return "", err
			}
			if subject.standing() != running {
				return fmt.Sprintf("paused; no rollout is running, and the next one waits until you resume: kubectl sluice resume %s", name), nil
			}
			return fmt.Sprintf("paused at weight %v%%; checks continue and can still roll it back; to resume: kubectl sluice resume %s",
				subject.canary.Status.CanaryWeight, name), nil
		})
	cmd.Long = "Pause a rollout: the weight stays, no step starts and nothing is promoted until you resume it. Checks continue and can\n" +
		"still roll it back. A change that is made during the pause waits."
	cmd.Example = "  kubectl sluice pause podinfo --reason \"lunch\""
	return cmd
}

func (p *plugin) resumeCommand() *cobra.Command {
	return p.forCanary("resume", "Resume a paused rollout", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		byDeployment := subject.deployment != nil && subject.deployment.Spec.Paused
		hint := fmt.Sprintf("the Deployment itself is paused (spec.paused); to resume it: kubectl rollout resume deployment/%s", name)
		switch {
		case subject.pausedByGuard():
			return s.resumeGuard(cmd.Context(), subject, name)
		case subject.canary.Spec.Paused == nil && byDeployment:
			return fmt.Errorf("Canary %s is not paused; %s", name, hint)
		case subject.canary.Spec.Paused == nil:
			return fmt.Errorf("Canary %s is not paused", name)
		}
		if err := s.request(cmd.Context(), subject.canary, "paused", nil); err != nil {
			return err
		}
		next := "resumed; the next step starts when the checks of the current one pass"
		switch guard := subject.canary.Status.Open().Guard; {
		case byDeployment:
			next = "resumed, but still waiting: " + hint
		case guard != nil && guard.Paused != nil:
			next = "resumed, but still waiting: the guard has paused it, too; to go on: kubectl sluice resume " + name
		}
		_, err = fmt.Fprintf(s.Out, "%s: %s\n", name, next)
		return err
	})
}

// pausedByGuard reports whether only the guard keeps the rollout paused.
func (s subject) pausedByGuard() bool {
	paused := s.canary.Status.Paused
	return s.canary.Spec.Paused == nil && paused != nil && paused.Kind == v1alpha1.PauseGuard
}

func (s *session) resumeGuard(ctx context.Context, subject subject, name string) error {
	if err := s.request(ctx, subject.canary, "resume", of(subject.inFlight(), "")); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.Out, "%s: resumed; the guard goes on with the evidence that it has\n", name)
	return err
}

func (p *plugin) promoteCommand() *cobra.Command {
	var skip bool
	cmd := p.requesting("promote", "Skip the remaining steps and promote the candidate",
		func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
			id := subject.inFlight()
			if id.Hash == "" {
				return "", nothingInFlight(subject, "promote")
			}
			request := of(id, reason)
			request["skipAnalysis"] = skip
			if err := s.request(ctx, subject.canary, "promote", request); err != nil {
				return "", err
			}
			next := workload.Short(id.Hash) + " will be promoted once a round of checks passes"
			if skip {
				next = workload.Short(id.Hash) + " will be promoted as soon as its canary is ready, without analysis"
			}
			if subject.canary.Spec.Paused != nil || subject.canary.Status.Paused != nil {
				next += ", but not before the pause ends"
			}
			return next + followHint(subject), nil
		})
	cmd.Long = "Skip the remaining steps. The candidate is promoted once one round of checks of the current step passes, or with\n" +
		"--skip-analysis as soon as the canary is ready."
	cmd.Example = "  kubectl sluice promote podinfo --skip-analysis --reason \"hotfix\""
	cmd.Flags().BoolVar(&skip, "skip-analysis", false, "Promote as soon as the canary is ready, without analysis")
	return cmd
}

func (p *plugin) abortCommand() *cobra.Command {
	cmd := p.requesting("abort", "Abort the running rollout and roll back", func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
		id := subject.inFlight()
		if id.Hash == "" {
			return "", nothingInFlight(subject, "abort")
		}
		if err := s.request(ctx, subject.canary, "abort", of(id, reason)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s is aborted: all requests return to the primary, then the canary is removed; to try it again: kubectl sluice retry %s",
			workload.Short(id.Hash), subject.canary.Name), nil
	})
	cmd.Long = "Abort the running rollout: all requests return to the primary, then the canary is removed. The same template does not\n" +
		"start again until you retry it."
	cmd.Example = "  kubectl sluice abort podinfo --reason \"bug 17\""
	return cmd
}

func (p *plugin) retryCommand() *cobra.Command {
	return p.requesting("retry", "Try a failed or aborted candidate again", func(ctx context.Context, s *session, subject subject, reason string) (string, error) {
		id := subject.stopped()
		if id.Hash == "" {
			return "", fmt.Errorf("nothing to retry: %s has no failed or aborted candidate; %s", subject.canary.Name, subject.summary())
		}
		if err := s.request(ctx, subject.canary, "retry", of(id, reason)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s starts again from the first step, retry %d%s", workload.Short(id.Hash), id.Attempt+1, followHint(subject)), nil
	})
}

func nothingInFlight(subject subject, verb string) error {
	return fmt.Errorf("nothing to %s: %s has no running rollout; %s", verb, subject.canary.Name, subject.summary())
}

func followHint(subject subject) string {
	return "; to follow it: kubectl sluice watch " + subject.canary.Name
}
