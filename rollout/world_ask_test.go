package rollout_test

import (
	appsv1 "k8s.io/api/apps/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/plan"
)

func (w *world) applyAsk(ask plan.AskIntent) {
	switch ask.Key {
	case config.AnnotationPromote:
		if w.candidate == nil || !w.candidate.ID().Is(ask.Of) {
			return
		}
		w.checkJudged(ask.Of)
		before, _ := workload.TemplateOf(w.primary.Spec.Template)
		around := w.candidate.Around.Without(ask.Keep)
		w.changeAround(around)
		w.previous = &workload.Previous{Hash: versionOf(w.primary.Spec.Template), Template: before, Around: around,
			Promoted: ask.Of.Hash, Attempt: ask.Of.Attempt, By: w.candidate.By, At: ask.Of.At}
		w.replace(w.candidate.Template)
		w.candidate = nil
	case config.AnnotationLetThrough:
		if w.candidate == nil || !w.candidate.ID().Is(ask.Of) {
			return
		}
		w.directs = w.directs.With(workload.Direct{Hash: w.candidate.Template.KnownHash(), How: workload.DirectUnavailable, Reason: "no replica of the primary was available", By: w.candidate.By, At: w.now})
		w.replace(w.candidate.Template)
		w.candidate = nil
	case config.AnnotationRestore:
		if w.previous == nil || !w.previous.ID().Is(ask.Of) {
			return
		}
		promoted, _ := workload.TemplateOf(w.primary.Spec.Template)
		if w.candidate == nil {
			w.candidate = &workload.Candidate{Hash: w.previous.Promoted, Attempt: w.previous.Attempt, By: w.previous.By, At: w.previous.At,
				Template: promoted, Mark: workload.MarkFailed}
		}
		w.changeAround(w.previous.Around.Undone())
		w.replace(w.previous.Template)
		w.previous = nil
	case config.AnnotationFail:
		if w.candidate != nil && w.candidate.ID().Is(ask.Of) {
			failed := *w.candidate
			failed.Mark = workload.MarkFailed
			w.candidate = &failed
		}
	case config.AnnotationReset:
		if w.candidate != nil && w.candidate.ID().Is(ask.Of) {
			w.candidate = nil
		}
	case config.AnnotationAbort, config.AnnotationRetry:
		w.mark(ask)
	case config.AnnotationSettle:
		if w.previous != nil && w.previous.ID().Is(ask.Of) {
			w.previous = nil
		}
		w.directs = w.directs.After(ask.Of)
	}
}

// changeAround changes fields around the template together with it.
func (w *world) changeAround(around workload.Around) { w.primary = around.In(w.primary) }

// mark sets and clears marks on behalf of a user.
func (w *world) mark(ask plan.AskIntent) {
	if w.candidate == nil || !w.candidate.ID().Is(ask.Of) {
		return
	}
	marked := *w.candidate
	switch {
	case ask.Key == config.AnnotationAbort && marked.Mark == workload.MarkNone:
		marked.Mark, marked.MarkedBy = workload.MarkAborted, ask.By
	case ask.Key == config.AnnotationRetry && marked.Mark != workload.MarkNone:
		marked.Mark, marked.MarkedBy, marked.RetriedBy = workload.MarkNone, "", ask.By
		marked.Attempt++
	}
	w.candidate = &marked
}

func (w *world) replace(template workload.Template) {
	pod, err := template.Pod()
	if err != nil {
		w.t.Fatal(err)
	}
	w.primary.Spec.Template = pod
	w.primary.Generation++
	w.revision++
	if w.primary.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		served := w.primary.Status.AvailableReplicas > 0
		w.primary.Status.AvailableReplicas = 0
		if w.served && served && w.weight() != 100 && !w.mayRestore() {
			w.t.Errorf("a primary with strategy Recreate is changed while it has %v%% of the requests", 100-w.weight())
		}
	}
}
