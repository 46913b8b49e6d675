//go:build !windows

package testserver

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"sync/atomic"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/webhook"
)

// counted counts the calls of webhooks by their path.
type counted struct {
	ctrlwebhook.Server
	calls map[string]*atomic.Int64
}

// Register adds a handler and counts its calls.
func (c counted) Register(path string, handler http.Handler) {
	c.Server.Register(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls := c.calls[path]; calls != nil {
			calls.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
}

func (s *Server) register(hooks ctrlwebhook.Server) {
	calls := map[string]*atomic.Int64{webhook.MutateDeploymentPath: &s.Calls, webhook.MutateCanaryPath: &s.CanaryCalls}
	webhook.Register(counted{hooks, calls}, Identity, false, s.askAs)
}

// AskAs makes admission ask by a function, or nobody if that is nil, until it is called again.
func (s *Server) AskAs(ask webhook.AskAs) { s.ask.Store(&ask) }

func (s *Server) askAs(ctx context.Context, user authenticationv1.UserInfo, wanted map[string]any, exists bool) ([]string, error) {
	ask := s.ask.Load()
	if ask == nil || *ask == nil {
		return nil, nil
	}
	return (*ask)(ctx, user, wanted, exists)
}

// configurations returns the webhook configurations of the chart, as helm renders them.
func configurations(ctx context.Context, helm, chart string) ([]*admissionregistrationv1.MutatingWebhookConfiguration, []*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	out, err := exec.CommandContext(ctx, helm, "template", "sluice", chart, "--namespace", "sluice-system", "--show-only", "templates/webhooks.yaml").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("helm template %s: %w", chart, err)
	}
	var mutating []*admissionregistrationv1.MutatingWebhookConfiguration
	var validating []*admissionregistrationv1.ValidatingWebhookConfiguration
	for _, document := range bytes.Split(out, []byte("\n---\n")) {
		var into any
		if bytes.Contains(document, []byte("kind: ValidatingWebhookConfiguration")) {
			validating = append(validating, &admissionregistrationv1.ValidatingWebhookConfiguration{})
			into = validating[len(validating)-1]
		} else {
			mutating = append(mutating, &admissionregistrationv1.MutatingWebhookConfiguration{})
			into = mutating[len(mutating)-1]
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return nil, nil, fmt.Errorf("read the chart's webhooks: %w", err)
		}
	}
	return mutating, validating, nil
}

// keepWebhooks removes the webhooks that are not named.
func keepWebhooks(options *envtest.WebhookInstallOptions, names []string) {
	for _, configuration := range options.MutatingWebhooks {
		configuration.Webhooks = slices.DeleteFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool {
			return !slices.Contains(names, w.Name)
		})
	}
	for _, configuration := range options.ValidatingWebhooks {
		configuration.Webhooks = slices.DeleteFunc(configuration.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
			return !slices.Contains(names, w.Name)
		})
	}
	options.MutatingWebhooks = slices.DeleteFunc(options.MutatingWebhooks, func(c *admissionregistrationv1.MutatingWebhookConfiguration) bool {
		return len(c.Webhooks) == 0
	})
	options.ValidatingWebhooks = slices.DeleteFunc(options.ValidatingWebhooks, func(c *admissionregistrationv1.ValidatingWebhookConfiguration) bool {
		return len(c.Webhooks) == 0
	})
}
