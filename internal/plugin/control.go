package plugin

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// pausedLine is why the rollout is paused, other than by a Freeze.
func (s subject) pausedLine() string {
	if paused := s.canary.Status.Paused; paused != nil && paused.Kind != v1alpha1.PauseFreeze {
		return paused.Text
	}
	return ""
}

// freezesOf lists the sentences of the Freezes that hold any of the Canaries, each once.
func freezesOf(canaries []v1alpha1.Canary) []string {
	var sentences []string
	for i := range canaries {
		if sentence := canaries[i].Status.Frozen; sentence != "" && !slices.Contains(sentences, sentence) {
			sentences = append(sentences, sentence)
		}
	}
	return sentences
}

// queueLine is the place in the queue.
func (s subject) queueLine() string {
	queue := s.canary.Status.Queue
	if queue == nil {
		return ""
	}
	return fmt.Sprintf("position %d, waiting for %s", queue.Position, ago(s.now, queue.Since.Time))
}

// groupLine is the group and the members for which the rollout waits.
func (s subject) groupLine() string {
	group := s.canary.Status.Open().Group
	switch {
	case group == nil:
		return ""
	case len(group.WaitingFor) > 0:
		return fmt.Sprintf("%s, waiting for %s", group.Name, strings.Join(group.WaitingFor, ", "))
	}
	return group.Name
}

// whyHeld is the word in parentheses after the phase; empty if nothing holds the rollout.
func (s subject) whyHeld() string {
	status := s.canary.Status
	switch {
	case status.DryRun:
		return " (dry run)"
	case status.Frozen != "":
		return " (frozen)"
	case status.Queue != nil:
		return " (queued)"
	case status.Paused != nil:
		return " (paused)"
	}
	return ""
}
