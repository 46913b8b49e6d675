package emergency

import (
	"cmp"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// never is the match condition that keeps the API server from calling a webhook. Unlike a failurePolicy of Ignore, it also stops
// calls to a Sluice that answers, costs no time-out, and is no field of the chart.
var never = admissionregistrationv1.MatchCondition{Name: "emergency-off", Expression: "false"}

func isNever(c admissionregistrationv1.MatchCondition) bool { return c.Name == never.Name }

// hook is one webhook of either kind of configuration.
type hook struct {
	configuration, name string
	conditions          *[]admissionregistrationv1.MatchCondition
	refuses             bool
}

func (h hook) silent() bool { return slices.ContainsFunc(*h.conditions, isNever) }

// hooks are the webhooks in the configurations.
func (w World) hooks() []hook {
	var found []hook
	for i := range w.Mutating {
		found = append(found, hooksOf(&w.Mutating[i])...)
	}
	for i := range w.Validating {
		found = append(found, hooksOf(&w.Validating[i])...)
	}
	return found
}

func hooksOf(configuration client.Object) []hook {
	var found []hook
	add := func(name string, conditions *[]admissionregistrationv1.MatchCondition, policy *admissionregistrationv1.FailurePolicyType) {
		refuses := ptr.Deref(policy, admissionregistrationv1.Fail) == admissionregistrationv1.Fail
		found = append(found, hook{kindOf(configuration) + " " + configuration.GetName(), name, conditions, refuses})
	}
	switch c := configuration.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for i := range c.Webhooks {
			add(c.Webhooks[i].Name, &c.Webhooks[i].MatchConditions, c.Webhooks[i].FailurePolicy)
		}
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for i := range c.Webhooks {
			add(c.Webhooks[i].Name, &c.Webhooks[i].MatchConditions, c.Webhooks[i].FailurePolicy)
		}
	}
	return found
}

func kindOf(configuration client.Object) string {
	if _, is := configuration.(*admissionregistrationv1.MutatingWebhookConfiguration); is {
		return "MutatingWebhookConfiguration"
	}
	return "ValidatingWebhookConfiguration"
}

// calling are the webhooks for which the API server calls Sluice.
func (w World) calling() []hook { return slices.DeleteFunc(w.hooks(), hook.silent) }

// silent are the webhooks for which the API server does not call Sluice.
func (w World) silent() []hook {
	return slices.DeleteFunc(w.hooks(), func(h hook) bool { return !h.silent() })
}

// silencing are copies of the webhook configurations, in the order to silence them: each before those whose work it checks or keeps.
// Alone, a webhook that is called later would refuse a change, or put the old template back, as none was held back.
func (w World) silencing() []client.Object {
	var all []client.Object
	for i := range w.Validating {
		all = append(all, w.Validating[i].DeepCopy())
	}
	mutating := len(all)
	for i := range w.Mutating {
		all = append(all, w.Mutating[i].DeepCopy())
	}
	// The API server calls configurations in the order of their names.
	slices.SortFunc(all[mutating:], func(a, b client.Object) int { return cmp.Compare(b.GetName(), a.GetName()) })
	return all
}

// restoring are copies of the webhook configurations, in the order to let them be called again.
func (w World) restoring() []client.Object {
	all := w.silencing()
	slices.Reverse(all)
	return all
}

// silence changes a configuration so that none of its webhooks is called, and notes why. It returns whether that was a change.
func silence(configuration client.Object, record Record) bool {
	changed := false
	for _, h := range hooksOf(configuration) {
		if !h.silent() {
			*h.conditions, changed = append(*h.conditions, never), true
		}
	}
	return annotate(configuration, record.String()) || changed
}

// restoreCalls undoes silence. It returns whether that was a change.
func restoreCalls(configuration client.Object) bool {
	changed := false
	for _, h := range hooksOf(configuration) {
		if h.silent() {
			*h.conditions, changed = slices.DeleteFunc(*h.conditions, isNever), true
		}
	}
	return annotate(configuration, "") || changed
}

// annotate writes the annotation, or removes it if the text is empty. It returns whether that was a change.
func annotate(object client.Object, text string) bool {
	annotations := object.GetAnnotations()
	if annotations[Annotation] == text {
		return false
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[Annotation] = text
	if text == "" {
		delete(annotations, Annotation)
	}
	object.SetAnnotations(annotations)
	return true
}
