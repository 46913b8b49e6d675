package webhook

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/internal/admission"
)

// AskAs asks what the policies of the cluster say if a user makes a Deployment as wanted, which exists or is to be created. An
// error keeps the template from being held back.
type AskAs func(ctx context.Context, user authenticationv1.UserInfo, wanted map[string]any, exists bool) (warnings []string, err error)

// renderAsked renders a Deployment, and asks for its author before a template is held back. Nil asks nobody.
func (h handlers) renderAsked(ask AskAs) ctrladmission.HandlerFunc {
	if ask == nil {
		return mutate(h, renderDeployment)
	}
	return func(ctx context.Context, sent ctrladmission.Request) ctrladmission.Response {
		return mutate(h, func(old, updated object, request admission.Request) (admission.Result, error) {
			result, err := renderDeployment(old, updated, request)
			if err != nil {
				return result, err
			}
			wanted, holds := admission.Wanted(old.Object, result.Object, request)
			if !holds {
				return result, nil
			}
			warnings, err := ask(ctx, sent.UserInfo, wanted, old.Object != nil)
			for _, warning := range warnings {
				result.Warnings = append(result.Warnings, admission.Warning(wanted, warning))
			}
			return result, err
		})(ctx, sent)
	}
}
