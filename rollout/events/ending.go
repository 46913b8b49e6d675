package events

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// GatewayGone says that a rollout ends without a gateway that could confirm it.
func GatewayGone(why string) Event {
	return Event{Warning: true, Reason: "GatewayGone", Message: fmt.Sprintf(
		"The rollout ends although the gateway never confirmed the change; it was deleted or never existed: %s", why)}
}

// GatewaySilent says that a rollout ends although a gateway that exists has not confirmed it, and what may go on there.
func GatewaySilent(why, service string) Event {
	return Event{Warning: true, Reason: "GatewaySilent", Message: fmt.Sprintf(
		"The rollout ends although the gateway has not confirmed that all requests go to the primary: %s. It may still send requests to Service %s, "+
			"which is deleted; those fail until the gateway reads the route again: check its controller", why, service)}
}

// StillCarried says that a Canary is released although a route still states the split.
func StillCarried(why string) Event {
	return Event{Warning: true, Reason: "StillCarried", Message: fmt.Sprintf(
		"The Canary is deleted although the route could not be written, so requests to the canary fail; remove its Service from the route: %s", why)}
}

// SplitOrphaned says that a split was removed from a route because its Canary is gone.
func SplitOrphaned(of types.NamespacedName) Event {
	return Event{Warning: true, Reason: "SplitOrphaned", Message: fmt.Sprintf(
		"Removed the split of Deployment %s: its Canary is gone, so no rollout would have ended it", of)}
}

// RollingBack says that a candidate has failed.
func RollingBack(hash, why string) Event {
	return Event{Warning: true, Reason: "RollingBack", Message: fmt.Sprintf("Rolling back %s: %s", workload.Short(hash), why)}
}

// RolledBackUnseen says that a candidate is rolled back before its rollout has started.
func RolledBackUnseen(hash, why string) Event {
	return Event{Warning: true, Reason: "RolledBack", Message: fmt.Sprintf("%s is not rolled out: %s", workload.Short(hash), why)}
}

// RolledBack says that the rollout of a failed candidate has ended.
func RolledBack(hash string, traffic bool) Event {
	text := "The canary is removed; %s does not start again until you retry it or change the template"
	if traffic {
		text = "All requests go to the primary and the canary is removed; %s does not start again until you retry it or change the template"
	}
	return Event{Warning: true, Reason: "RolledBack", Message: fmt.Sprintf(text, workload.Short(hash))}
}

// Promoted says that the rollout of a promoted candidate has ended.
func Promoted(hash string, took time.Duration) Event {
	return Event{Reason: "Promoted", Message: fmt.Sprintf("Promotion of %s completed after %s; the canary is removed", workload.Short(hash), took.Round(time.Second))}
}

// Cancelled says that a rollout has ended without a verdict.
func Cancelled(hash, why string) Event {
	return Event{Reason: "Cancelled", Message: fmt.Sprintf("Rollout of %s is cancelled: %s", workload.Short(hash), why)}
}

// Superseded says that another candidate replaces the present one. It may have the same template.
func Superseded(old, new, by string, traffic bool) Event {
	start := "from the beginning"
	if traffic {
		start = "at weight 0"
	}
	what := fmt.Sprintf("New template %s from %s replaces %s", workload.Short(new), by, workload.Short(old))
	if old == new {
		what = fmt.Sprintf("%s requested template %s again", by, workload.Short(new))
	}
	return Event{Reason: "Superseded", Message: fmt.Sprintf("%s; the analysis starts again %s", what, start)}
}

// SupersededOften says that a template changes so often that rollouts do not come to an end, with the usual causes.
func SupersededOften(why, by string) Event {
	return Event{Warning: true, Reason: "SupersededOften", Message: fmt.Sprintf(
		"%s. The last change is from %s. Usual causes: an operator that writes its own values into the pod template, two tools that apply different manifests, "+
			"or a value that is different in each apply, such as a time", strings.ToUpper(why[:1])+why[1:], Who(by, ""))}
}

// OptedOut says that the changes of a Deployment are no longer judged.
func OptedOut(out workload.Direct) Event {
	return Event{Warning: true, Reason: "OptedOut", Message: fmt.Sprintf(
		"Opted out by %s (%s): changes of the pod template roll out directly", out.By, out.Reason)}
}

// OptInLeftOut says that a manifest without the opt-in has not opted out.
func OptInLeftOut(left workload.LeftOut) Event {
	return Event{Warning: true, Reason: "OptInLeftOut", Message: fmt.Sprintf(
		"The manifest that %s sent at %s has no %s and another pod template, so the opt-in was put back: add it to the manifest, or set it to \"false\" to opt out",
		Who(left.By, ""), left.At.UTC().Format(time.RFC3339), config.AnnotationCanary)}
}

// ChangesUnlisted says that direct changes happened of which no record was kept.
func ChangesUnlisted(number int32) Event {
	return Event{Warning: true, Reason: "ChangesUnlisted", Message: fmt.Sprintf(
		"%d direct changes of the pod template, or opt-outs, are in no event and no history: more than %d came while the controller was away",
		number, workload.MostDirects)}
}

// Unseen is how the template of a primary was changed when admission did not see it.
const Unseen workload.DirectWay = "unseen"

// ChangedDirectly says that the primary's template was changed without a canary.
func ChangedDirectly(direct workload.Direct) Event {
	if direct.How == Unseen {
		return Event{Warning: true, Reason: "TemplateChangedDirectly", Message: fmt.Sprintf(
			"The pod template was changed to %s without a call to Sluice's webhook, and becomes the primary's: "+
				"check that the webhook configurations zz-sluice exist", workload.Short(direct.Hash))}
	}
	return Event{Warning: direct.How != workload.DirectRestart, Reason: "ChangedDirectly", Message: fmt.Sprintf(
		"The pod template was changed to %s by %s without a canary (%s: %s)", workload.Short(direct.Hash), Who(direct.By, ""), direct.How, direct.Reason)}
}
