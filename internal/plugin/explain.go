package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"sluice.dev/sluice/api/v1alpha1"
)

func (p *plugin) explainCommand() *cobra.Command {
	return p.named("explain", "Say why a rollout is where it is, what it waits for and what to do next", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		return writeExplanation(s.Out, subject)
	})
}

// writeExplanation says why a rollout is where it is.
func writeExplanation(out io.Writer, s subject) error {
	var page page
	page.printf("%s is %s: %s\n\nIt waits for %s\n", s.canary.Name, s.phase(), s.summary(), s.waitsFor())
	if conditions := s.canary.Status.Conditions; len(conditions) > 0 {
		rows := [][]string{{"CONDITION", "STATUS", "REASON", "MESSAGE"}}
		for _, c := range conditions {
			rows = append(rows, []string{c.Type, string(c.Status), c.Reason, s.unsaid(c.Message)})
		}
		page.printf("\n")
		page.table(rows)
	}
	page.printf("\nWHAT YOU CAN DO\n")
	var rows [][]string
	for _, action := range s.actions() {
		rows = append(rows, []string{action.command, action.effect})
	}
	page.table(rows)
	return page.writeTo(out)
}

// unsaid is a message that the first line does not have already.
func (s subject) unsaid(message string) string {
	if message == s.summary() {
		return "(the one above)"
	}
	return message
}

// waitsFor says what happens next, and on what that depends.
func (s subject) waitsFor() string {
	status := s.canary.Status
	switch {
	case s.standing() == rolledBack:
		return "another template, or to be asked to judge this one again"
	case !s.seen() && status.Phase == v1alpha1.PhaseFinalising:
		return "the canary of the template before it to be removed; then it is taken up"
	case !s.seen() || s.retrying():
		return "the controller to take it up, within a second; if this lasts, look at its pods: kubectl get pods -A -l app.kubernetes.io/name=sluice"
	case status.Gate != nil:
		return s.waitsForGate(*status.Gate)
	}
	return s.waitsInPhase()
}

func (s subject) waitsInPhase() string {
	status := s.canary.Status
	switch status.Phase {
	case v1alpha1.PhaseInitializing:
		return "what is missing; until then a change is held back and not judged"
	case v1alpha1.PhaseWaiting:
		return waitsToBegin(status)
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		return s.waitsForStep()
	case v1alpha1.PhasePromoting:
		return waitsForPrimary(status)
	case v1alpha1.PhaseFinalising:
		return fmt.Sprintf("the requests to leave the canary and for its removal; the rollout ends as %s", status.Outcome)
	}
	if meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionReady) {
		return "what is missing; until then a change is held back and not judged"
	}
	return "the next change of the Deployment's pod template"
}

func waitsToBegin(status v1alpha1.CanaryStatus) string {
	switch {
	case status.Frozen != "":
		return "the end of the Freeze; then the rollout begins by itself"
	case status.Queue != nil:
		return "other rollouts to end; then it begins by itself"
	case status.Paused != "":
		return "being resumed; then the rollout begins"
	}
	return "what is missing; then the rollout begins by itself"
}

func (s subject) waitsForStep() string {
	status := s.canary.Status
	switch {
	case status.Frozen != "":
		return "the end of the Freeze; checks go on and can still roll back"
	case status.Paused != "":
		return "being resumed; checks go on and can still roll back"
	case status.Group != nil && len(status.Group.WaitingFor) > 0:
		return "members of its group: " + strings.Join(status.Group.WaitingFor, ", ")
	case status.Step == 0:
		return "the canary's pods to be ready; then it gets its first requests"
	case status.StepStarted == nil:
		return fmt.Sprintf("the gateway to put weight %v%% into effect", status.CanaryWeight)
	case status.NextStepTime == nil:
		return "its checks"
	}
	next := "the promotion"
	if int(status.Step) < len(status.Steps) {
		next = named(status.Steps, status.Step+1)
	}
	return fmt.Sprintf("checks that pass at the end of step %d, %s; then comes %s", status.Step, in(s.now, status.NextStepTime.Time), next)
}

func waitsForPrimary(status v1alpha1.CanaryStatus) string {
	switch {
	case status.Restoring:
		return "the Deployment to get its previous template back"
	case status.Promoted == nil:
		return "the Deployment to be given the candidate"
	}
	return "the Deployment's pods to be ready with the candidate"
}

type action struct{ command, effect string }

// actions are the commands that make sense now.
func (s subject) actions() []action {
	name, status := s.canary.Name, s.canary.Status
	verb := func(verb, effect string) action { return action{"kubectl sluice " + verb + " " + name, effect} }
	var list []action
	switch {
	case s.standing() == rolledBack:
		return []action{verb("retry", "judge the same template again"), verb("history", "see how earlier rollouts ended")}
	case s.standing() == idle:
		return []action{{"kubectl set image deployment/" + name + " …", "begin a rollout; any other way of changing the template does too"},
			verb("history", "see how earlier rollouts ended")}
	}
	switch {
	case s.canary.Spec.Paused != nil:
		list = append(list, verb("resume", "take steps again"))
	case status.Frozen != "":
		list = append(list, action{"kubectl sluice freezes", "see what is frozen, until when and by whom"})
	case status.Paused != "":
		list = append(list, action{"kubectl rollout resume deployment/" + name, "take steps again"})
	default:
		list = append(list, verb("pause", "take no step until it is resumed"))
	}
	if hash, _ := s.inFlight(); hash != "" {
		list = append(list, verb("promote", "skip the remaining steps"), verb("abort", "roll back"))
	}
	return append(list, verb("watch", "follow it"))
}
