// Package author asks the API server, by a dry run, what the policies of the cluster say of a Deployment as its author wants it.
// Sluice stores another template than its author has requested, so the policies of the cluster see that one in the request itself.
// The dry run shows them the requested one. It is made as the author, and stores nothing.
package author

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Options say how authors are asked for.
type Options struct {
	// Self is the user name of this process.
	Self string
	// Timeout is how long one answer may take.
	Timeout time.Duration
	// Extra are the keys of the extra values of an author that the policies see. ServiceAccounts have none.
	Extra []string
	// Ignore lets a change pass, with a warning, if the API server cannot be asked. Otherwise that is an error.
	Ignore bool
}

// Author asks the API server as the authors of templates.
type Author struct {
	Options
	client rest.Interface
	// asking has a place for each dry run in flight.
	asking *semaphore.Weighted
}

// mostAsked is how many dry runs are in flight at the same time. Others wait, within their time.
const mostAsked = 32

// New returns an Author that asks the API server of a configuration. The authors themselves are limited by the API server's
// priority and fairness, so there is no limit of requests per second.
func New(config *rest.Config, options Options) (*Author, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.GroupVersion, config.APIPath = &appsv1.SchemeGroupVersion, "/apis"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.ContentType = "application/json"
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare dry runs as authors: %w", err)
	}
	return &Author{Options: options, client: client, asking: semaphore.NewWeighted(mostAsked)}, nil
}

// privileged is the group whose members may do everything. Nobody acts as one of them.
const privileged = "system:masters"

// Ask asks what the policies of the cluster say if the user makes a Deployment as wanted, which exists or is to be created. It
// returns what they warn of. An error has the words of the API server if that refuses the Deployment.
func (a *Author) Ask(ctx context.Context, user authenticationv1.UserInfo, wanted map[string]any, exists bool) (warnings []string, err error) {
	for _, group := range user.Groups {
		if group == privileged {
			return []string{fmt.Sprintf("the cluster's policies have not judged this template: %s is in the group %s, and Sluice acts as none of its members", user.Username, privileged)}, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	warnings, err = a.dryRun(ctx, user, wanted, exists)
	switch {
	case err == nil || !a.isUnanswered(err):
		return warnings, err
	case a.Ignore:
		return []string{fmt.Sprintf("the cluster's policies have not judged this template for %s: %v", user.Username, err)}, nil
	}
	// The status of the failed request is not that of the author's.
	return nil, fmt.Errorf("spec.template: the API server could not be asked what the cluster's policies say of it for %s: %v; try again, "+
		"or ask an administrator to see asAuthor in the values of Sluice's chart", user.Username, err)
}

func (a *Author) dryRun(ctx context.Context, user authenticationv1.UserInfo, wanted map[string]any, exists bool) ([]string, error) {
	if !a.asking.TryAcquire(1) && a.asking.Acquire(ctx, 1) != nil {
		return nil, errors.New("too many other dry runs are in flight")
	}
	defer a.asking.Release(1)
	if !exists {
		return a.send(ctx, http.MethodPost, user, wanted)
	}
	warnings, err := a.send(ctx, http.MethodPatch, user, wanted)
	if cannot(err, user.Username, "patch") {
		return a.send(ctx, http.MethodPut, user, wanted)
	}
	return warnings, err
}

// as returns the headers by which a request is made as a user. The API server knows the groups of ServiceAccounts and nodes.
func (a *Author) as(user authenticationv1.UserInfo) http.Header {
	headers := http.Header{authenticationv1.ImpersonateUserHeader: {user.Username}}
	if strings.HasPrefix(user.Username, "system:serviceaccount:") || strings.HasPrefix(user.Username, "system:node:") {
		return headers
	}
	for _, group := range user.Groups {
		// The API server adds this one itself. Without it, a list of the groups that may be used need not have it.
		if group != "system:authenticated" {
			headers.Add(authenticationv1.ImpersonateGroupHeader, group)
		}
	}
	for _, key := range a.Extra {
		for _, value := range user.Extra[key] {
			headers.Add(authenticationv1.ImpersonateUserExtraHeaderPrefix+url.PathEscape(key), value)
		}
	}
	return headers
}
