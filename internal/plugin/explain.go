package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func (p *plugin) explainCommand() *cobra.Command {
	return p.forCanary("explain", "Explain what a rollout waits for and what you can do", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		return writeExplanation(s.Out, subject)
	})
}

// writeExplanation prints why a rollout is where it is, what it waits for and what the user can do.
func writeExplanation(out io.Writer, s subject) error {
	var page page
	page.printf("%s is %s: %s\n\n%s\n", s.canary.Name, s.phase(), s.summary(), s.waitsFor())
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

// unsaid is a message, or a reference to the first line if that has said it.
func (s subject) unsaid(message string) string {
	if message == s.summary() {
		return "(see above)"
	}
	return message
}

// waitsFor says what happens next and on what it depends.
func (s subject) waitsFor() string {
	status := s.canary.Status
	switch {
	case status.Phase == v1alpha1.PhaseOptedOut:
		return fmt.Sprintf("Changes roll out directly until you opt in: kubectl annotate --overwrite deployment %s -n %s %s=true", s.canary.Name, s.canary.Namespace, config.AnnotationCanary)
	case s.standing() == rolledBack:
		return "Nothing happens until the pod template changes or you retry this candidate."
	case !s.seen() && status.Phase == v1alpha1.PhaseFinalising:
		return "The previous canary is being removed. The controller picks up this change after that."
	case !s.seen() || s.retrying():
		return "The controller picks it up within a second. If it does not, look at its pods: " + controllerPods
	case status.Gate != nil:
		return s.waitsForGate(*status.Gate)
	}
	return s.waitsInPhase()
}

const waitsForMissing = "Changes are held back and no rollout starts until this is corrected."

func (s subject) waitsInPhase() string {
	status := s.canary.Status
	switch status.Phase {
	case v1alpha1.PhaseInitializing:
		return waitsForMissing
	case v1alpha1.PhaseWaiting:
		return waitsToBegin(status)
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		return s.waitsForStep()
	case v1alpha1.PhasePromoting:
		return waitsForPrimary(status)
	case v1alpha1.PhaseFinalising:
		return fmt.Sprintf("The requests leave the canary, then it is removed. The rollout ends as %s.", status.Candidate.Outcome)
	}
	if meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionReady) {
		return waitsForMissing
	}
	return "Nothing is in progress. The next change of the Deployment's pod template starts a rollout."
}

func waitsToBegin(status v1alpha1.CanaryStatus) string {
	switch {
	case status.Frozen != "":
		return "The rollout starts by itself when the Freeze ends."
	case status.Queue != nil:
		return "The rollout starts by itself when enough other rollouts have ended."
	case status.Paused != nil:
		return "The rollout starts when it is resumed."
	}
	return "The rollout starts by itself once this is corrected."
}

func (s subject) waitsForStep() string {
	status := s.canary.Status
	switch {
	case status.Frozen != "":
		return "The next step waits for the Freeze to end. Checks continue and can still roll back."
	case status.Paused != nil:
		return "The next step waits until the rollout is resumed. Checks continue and can still roll back."
	case status.Open().Group != nil && len(status.Open().Group.WaitingFor) > 0:
		return "The next step waits for other members of the group: " + strings.Join(status.Open().Group.WaitingFor, ", ") + "."
	case status.Open().Step.Number == 0:
		return "The canary gets its first requests when its pods are ready."
	case status.Open().Step.InEffect == nil:
		return fmt.Sprintf("The gateway has not put weight %v%% into effect yet.", status.CanaryWeight)
	case guardJudges(status.Open().Guard):
		return "The next step waits for the guard's verdict."
	case status.Plan.NextStepTime == nil:
		return "The next step waits for the checks of this one."
	}
	next := "the promotion"
	if int(status.Open().Step.Number) < len(status.Plan.Steps) {
		next = stepName(status.Plan.Steps, status.Open().Step.Number+1)
	}
	return fmt.Sprintf("Step %d ends %s. If its checks pass, %s is next.", status.Open().Step.Number, in(s.now, status.Plan.NextStepTime.Time), next)
}

func waitsForPrimary(status v1alpha1.CanaryStatus) string {
	switch {
	case status.Open().Promotion.Restoring:
		return "The Deployment gets its previous template back."
	case status.Open().Promotion.Applied == nil:
		return "The candidate is about to be written to the Deployment."
	}
	return "The Deployment rolls out the candidate. The rollout ends when its pods are ready."
}

type action struct{ command, effect string }

// actions are the commands that make sense now, most likely first.
func (s subject) actions() []action {
	name, status := s.canary.Name, s.canary.Status
	verb := func(verb, effect string) action { return action{"kubectl sluice " + verb + " " + name, effect} }
	change := action{"kubectl set image deployment/" + name + " …", "start a rollout; any other change of the pod template does too"}
	history := verb("history", "show how earlier rollouts ended")
	switch {
	case s.standing() == rolledBack:
		return []action{change, verb("retry", "try the same template again"), history}
	case s.standing() == idle:
		return []action{change, history}
	}
	var list []action
	switch {
	case s.canary.Spec.Paused != nil:
		list = append(list, verb("resume", "resume the rollout"))
	case status.Frozen != "":
		list = append(list, action{"kubectl sluice freezes", "show what is frozen, until when and by whom"})
	case status.Paused != nil && status.Paused.Kind == v1alpha1.PauseGuard:
		list = append(list, verb("resume", "let the rollout go on"))
	case status.Paused != nil:
		list = append(list, action{"kubectl rollout resume deployment/" + name, "resume the rollout"})
	}
	isHeld := len(list) > 0
	list = append(list, verb("watch", "follow the rollout"))
	if s.inFlight().Hash != "" {
		list = append(list, verb("abort", "roll back"), verb("promote", "skip the remaining steps"))
	}
	if !isHeld {
		list = append(list, verb("pause", "stop here until resumed"))
	}
	return list
}
