//go:build !windows

package testserver

import (
	"context"
	"fmt"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// knownWithin is how long the API server may take to know a new role.
const knownWithin = time.Minute

// Bind gives a user a role in a namespace and waits until the API server lets the user do what it says. The API server learns of
// roles and bindings by watches of its own, after it has stored them. The kind of the role is Role or ClusterRole.
func (s *Server) Bind(t testing.TB, namespace, user, kind, role string) {
	t.Helper()
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: user + "-"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}}
	if err := s.Client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	var err error
	if kind == "Role" {
		found := &rbacv1.Role{}
		err = s.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: role}, found)
		rules = found.Rules
	} else {
		found := &rbacv1.ClusterRole{}
		err = s.Client.Get(t.Context(), client.ObjectKey{Name: role}, found)
		rules = found.Rules
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		s.waitUntilAllowed(t, user, actionOf(namespace, rule))
	}
}

// actionOf returns one of the actions that a rule allows. The API server knows all of a role or none of it.
func actionOf(namespace string, rule rbacv1.PolicyRule) authorizationv1.ResourceAttributes {
	action := authorizationv1.ResourceAttributes{Namespace: namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: rule.Resources[0]}
	if len(rule.ResourceNames) > 0 {
		action.Name = rule.ResourceNames[0]
	}
	return action
}

func (s *Server) waitUntilAllowed(t testing.TB, user string, action authorizationv1.ResourceAttributes) {
	t.Helper()
	allowed := func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &action}}
		err := s.Client.Create(ctx, review)
		return err == nil && review.Status.Allowed, nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), round, knownWithin, true, allowed); err != nil {
		t.Fatal(fmt.Errorf("%s may not %s %s: %w", user, action.Verb, action.Resource, err))
	}
}
