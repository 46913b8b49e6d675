package plugin

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

func (p *plugin) getCommand() *cobra.Command {
	var flags *genericclioptions.PrintFlags
	cmd := p.forCanary("get", "Show one rollout on one screen", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		if done, err := printed(flags, subject.canary, s.Out); done {
			return err
		}
		return writeView(s.Out, subject)
	})
	flags = outputFlags(cmd)
	return cmd
}

// historyShown is the number of ended rollouts in the view.
const historyShown = 3

// writeView prints one rollout on one screen.
func writeView(out io.Writer, s subject) error {
	var page page
	page.printf("%s in namespace %s\n", s.canary.Name, s.canary.Namespace)
	var lines [][]string
	for _, line := range s.lines() {
		if line.text != "" {
			lines = append(lines, []string{"  " + line.label + ":", line.text})
		}
	}
	page.table(lines)
	history := s.canary.Status.History
	for _, rows := range [][][]string{s.checkRows(), s.differenceRows(), historyRows(history[:min(len(history), historyShown)], s.now)} {
		if len(rows) > 1 {
			page.printf("\n")
			page.table(rows)
		}
	}
	return page.writeTo(out)
}

type line struct{ label, text string }

// lines are the lines of the view with one value each; empty ones are not shown.
func (s subject) lines() []line {
	status := s.canary.Status
	return []line{
		{"Phase", s.phaseLine()},
		{"Message", s.summary()},
		{"Candidate", s.candidateLine()},
		{"Requested by", s.requesterLine()},
		{"Strategy", status.Plan.Strategy},
		{"Steps", stepsLine(status)},
		{"Weight", s.weightLine()},
		{"Routes", routesLine(s.canary.Status)},
		{"Cohort", cohortLine(s.canary.Status)},
		{"Next check", s.until(status.Plan.NextCheckTime.DeepCopy())},
		{"Next step", s.until(status.Plan.NextStepTime.DeepCopy())},
		{"Guard", guardLine(status.Open().Guard)},
		{"Control", controlLine(status.Open().Control)},
		{"Expected", expectedLine(status.Open().Guard)},
		{"Compared", comparedLine(status)},
		{"Failed checks", failedLine(status)},
		{"Gate", s.gateLine()},
		{"Policy", policyLine(status.Policy)},
		{"Settings", settingsLine(status.Policy)},
		{"Advice", adviceLine(status)},
		{"Paused", s.pausedLine()},
		{"Frozen", status.Frozen},
		{"Queue", s.queueLine()},
		{"Group", s.groupLine()},
		{"Requests", s.requestsLine()},
	}
}

func (s subject) phaseLine() string {
	since := s.canary.Status.LastTransitionTime
	if since.IsZero() {
		return s.phase()
	}
	return fmt.Sprintf("%s, for %s", s.phase(), ago(s.now, since.Time))
}

func (s subject) candidateLine() string {
	status := s.canary.Status
	hash, attempt, images := status.Candidate.Hash, status.Candidate.Attempt, status.Candidate.Images
	if s.candidate != nil {
		hash, attempt = s.candidate.Hash, s.candidate.Attempt
		if pod, err := s.candidate.Template.Pod(); err == nil {
			images = workload.Images(pod.Spec)
		}
	}
	if hash == "" {
		return ""
	}
	text := strings.TrimSpace(workload.Short(hash) + " " + strings.Join(images, ", "))
	if attempt > 0 {
		text += fmt.Sprintf(", retry %d", attempt)
	}
	if s.candidate != nil && s.candidate.Mark != workload.MarkNone {
		text += fmt.Sprintf(", marked %s by %s", s.candidate.Mark, s.candidate.MarkedBy)
	}
	return text
}

func (s subject) requesterLine() string {
	if s.candidate != nil {
		return fmt.Sprintf("%s with %s, %s ago", s.candidate.By, orNone(s.candidate.Manager), ago(s.now, s.candidate.At))
	}
	requested := s.canary.Status.Candidate.Requested
	if requested == nil || requested.At == nil {
		return requesterOf(s.canary.Status)
	}
	return fmt.Sprintf("%s, %s ago", requested.By, ago(s.now, requested.At.Time))
}

// stepsLine shows the planned steps, with the current one in brackets.
func stepsLine(status v1alpha1.CanaryStatus) string {
	if len(status.Plan.Steps) == 0 {
		return ""
	}
	groups := groupsOf(status.Plan.Steps)
	words := make([]string, len(groups))
	for i, g := range groups {
		words[i] = g.word(status.Open().Step.Number)
	}
	return fmt.Sprintf("%d of %d: %s", status.Open().Step.Number, len(status.Plan.Steps), strings.Join(words, " "))
}

func (s subject) weightLine() string {
	status := s.canary.Status
	text := fmt.Sprintf("%v%% to the canary", status.CanaryWeight)
	if status.Observed.Weight != "" {
		text += ", " + status.Observed.Weight + "% observed"
	}
	if step := present(status); step != nil {
		text += extras(*step)
	}
	switch {
	case status.Phase != v1alpha1.PhaseProgressing || status.Open().Step.Number == 0:
		return text
	case status.Open().Step.InEffect == nil:
		return text + ", not in effect yet"
	}
	return fmt.Sprintf("%s, in effect for %s", text, ago(s.now, status.Open().Step.InEffect.Time))
}

// failedLine counts what the threshold is for. The guard alone has nothing that counts to it.
func failedLine(status v1alpha1.CanaryStatus) string {
	alone := guardJudges(status.Open().Guard) && status.FailedChecks == 0 && len(status.Checks) == 0
	if status.Plan.FailureThreshold == 0 || alone {
		return ""
	}
	return fmt.Sprintf("%d (rolls back at %d)", status.FailedChecks, status.Plan.FailureThreshold)
}

func (s subject) checkRows() [][]string {
	rows := [][]string{{"CHECK", "VALUE", "THRESHOLD", "VERDICT", "MESSAGE"}}
	for _, check := range s.canary.Status.Checks {
		rows = append(rows, []string{check.Name, orNone(check.Value), check.Threshold, verdictOf(check), orNone(check.Message)})
	}
	return rows
}

// verdictOf is the verdict of a check, and how often it has failed so far.
func verdictOf(check v1alpha1.CheckStatus) string {
	text := string(check.Verdict)
	switch {
	case check.DryRun:
		return text + " (dry run)"
	case check.Failures > 0:
		return fmt.Sprintf("%s (failures: %d, in a row: %d)", text, check.Failures, check.InARow)
	}
	return text
}

// differenceRows shows what the candidate changes, if the Deployment can be read.
func (s subject) differenceRows() [][]string {
	if s.candidate == nil {
		return nil
	}
	rows := [][]string{{"CHANGED FIELD", "PRIMARY", "CANDIDATE"}}
	live, err := workload.TemplateOf(s.deployment.Spec.Template)
	if err != nil {
		return append(rows, []string{"spec", err.Error(), absent})
	}
	for _, d := range differences(live, s.candidate.Template) {
		rows = append(rows, []string{d.path, d.old, d.new})
	}
	return rows
}

// in is the time from now until then, for people.
func in(now, then time.Time) string {
	if !then.After(now) {
		return "now"
	}
	return "in " + duration.HumanDuration(then.Sub(now).Round(time.Second))
}
