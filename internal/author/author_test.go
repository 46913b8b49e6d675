package author

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const self = "system:serviceaccount:sluice-system:sluice"

// wanted is a Deployment as its author wants it, with what only the API server writes.
func wanted() map[string]any {
	return map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"replicas": int64(2)},
		"metadata": map[string]any{"namespace": "shop", "name": "cart", "labels": map[string]any{"app": "cart"}, "resourceVersion": "7", "uid": "u"}}
}

// asked returns an Author whose API server answers as given, and the requests that it gets.
func asked(t *testing.T, options Options, answer func(*http.Request) (code int, body any)) (*Author, *requests) {
	t.Helper()
	got := &requests{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.add(r)
		code, body := answer(r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Add("Warning", `299 - "would violate PodSecurity"`)
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(server.Close)
	options.Self, options.Timeout = self, time.Minute
	a, err := New(&rest.Config{Host: server.URL}, options)
	if err != nil {
		t.Fatal(err)
	}
	return a, got
}

type requests struct {
	mu      sync.Mutex
	sent    []*http.Request
	content []string
}

func (r *requests) add(request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(request.Body)
	r.sent, r.content = append(r.sent, request), append(r.content, string(body))
}

func accepted(*http.Request) (int, any) { return http.StatusOK, map[string]any{} }

// refusal is what an API server answers with.
func refusal(code int32, reason metav1.StatusReason, message string) func(*http.Request) (int, any) {
	return func(*http.Request) (int, any) {
		return int(code), metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}
	}
}

func TestEveryRequestIsADryRunOfItsAuthor(t *testing.T) {
	pat := authenticationv1.UserInfo{Username: "pat", UID: "1", Groups: []string{"developers", "system:authenticated"},
		Extra: map[string]authenticationv1.ExtraValue{"example.com/team": {"a", "b"}, "example.com/scopes": {"all"}}}
	for name, c := range map[string]struct {
		user   authenticationv1.UserInfo
		exists bool
		method string
		as     map[string][]string
	}{
		"a user": {pat, true, http.MethodPatch, map[string][]string{"Impersonate-User": {"pat"}, "Impersonate-Group": {"developers"}, "Impersonate-Extra-Example.com%2fteam": {"a", "b"}}},
		"a ServiceAccount": {authenticationv1.UserInfo{Username: "system:serviceaccount:ci:builder", Groups: []string{"system:serviceaccounts"}, Extra: pat.Extra}, true,
			http.MethodPatch, map[string][]string{"Impersonate-User": {"system:serviceaccount:ci:builder"}}},
		"a new Deployment": {authenticationv1.UserInfo{Username: "pat"}, false, http.MethodPost, map[string][]string{"Impersonate-User": {"pat"}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, got := asked(t, Options{Extra: []string{"example.com/team"}}, accepted)
			warnings, err := a.Ask(t.Context(), c.user, wanted(), c.exists)
			if err != nil || !slices.Equal(warnings, []string{"would violate PodSecurity"}) {
				t.Fatalf("got %q, %v", warnings, err)
			}
			sent := got.sent[0]
			if query := sent.URL.Query(); len(got.sent) != 1 || sent.Method != c.method || query.Get("dryRun") != "All" || query.Get("fieldManager") != "sluice-as-author" {
				t.Errorf("it sends %s %s", sent.Method, sent.URL)
			}
			as := map[string][]string{}
			for key, values := range sent.Header {
				if strings.HasPrefix(key, "Impersonate-") {
					as[key] = values
				}
			}
			if !maps.EqualFunc(as, c.as, slices.Equal) {
				t.Errorf("it acts as %v", as)
			}
			if body := got.content[0]; !strings.Contains(body, `"replicas":2`) || strings.Contains(body, "resourceVersion") || strings.Contains(body, "uid") {
				t.Errorf("it sends %s", body)
			}
		})
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	forbidden := func(text string) func(*http.Request) (int, any) {
		return refusal(403, metav1.StatusReasonForbidden, `deployments.apps "cart" is forbidden: `+text)
	}
	const cannotPatch = `User "pat" cannot patch resource "deployments" in API group "apps" in the namespace "shop"`
	for name, c := range map[string]struct {
		answer   func(*http.Request) (int, any)
		says     string
		answered bool
	}{
		"a policy":                          {forbidden("ValidatingAdmissionPolicy 'a' with binding 'a' denied request: no"), "denied request: no", true},
		"a policy that talks of us":         {forbidden(`ValidatingAdmissionPolicy 'a' denied request: User "` + self + `" cannot impersonate`), "denied request", true},
		"a webhook":                         {refusal(403, metav1.StatusReasonForbidden, `admission webhook "a" denied the request: no`), "no", true},
		"a webhook that talks of dry runs":  {refusal(400, metav1.StatusReasonBadRequest, `admission webhook "a" denied the request: it does not support dry run`), "denied", true},
		"a mistake":                         {refusal(422, metav1.StatusReasonInvalid, `Deployment.apps "cart" is invalid: spec.template`), "spec.template", true},
		"no right to be the author":         {refusal(403, metav1.StatusReasonForbidden, `users "pat" is forbidden: User "`+self+`" cannot impersonate resource "users"`), "cannot impersonate", false},
		"no right to do it as the author":   {forbidden(`User "` + self + `" cannot impersonate-on:user-info:patch resource "deployments"`), "cannot impersonate-on", false},
		"a webhook without dry runs":        {refusal(400, metav1.StatusReasonBadRequest, `admission webhook "a" does not support dry run`), "does not support dry run", false},
		"a webhook that cannot be called":   {refusal(500, metav1.StatusReasonInternalError, `failed calling webhook "a"`), "failed calling", false},
		"a Deployment that is gone":         {refusal(404, metav1.StatusReasonNotFound, `deployments.apps "cart" not found`), "not found", false},
		"an author who may neither":         {forbidden(cannotPatch), "cannot patch", true},
		"another user's name in the middle": {refusal(403, metav1.StatusReasonForbidden, `users "a is forbidden: User" is forbidden: User "`+self+`" cannot`), "", true},
	} {
		for _, ignore := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", ignored ", ignore), func(t *testing.T) {
				a, _ := asked(t, Options{Ignore: ignore}, c.answer)
				warnings, err := a.Ask(t.Context(), authenticationv1.UserInfo{Username: "pat"}, wanted(), true)
				if refused := err != nil; refused != (c.answered || !ignore) {
					t.Fatalf("the error is %v", err)
				}
				told := fmt.Sprint(warnings, err)
				if !strings.Contains(told, c.says) || strings.Contains(told, "could not be asked") != (!c.answered && !ignore) {
					t.Errorf("it says %s", told)
				}
			})
		}
	}
}

func TestAnAuthorWhoMayOnlyUpdateIsAskedForByAnUpdate(t *testing.T) {
	a, got := asked(t, Options{}, func(r *http.Request) (int, any) {
		if r.Method == http.MethodPatch {
			return refusal(403, metav1.StatusReasonForbidden, `deployments.apps "cart" is forbidden: User "pat" cannot patch resource "deployments"`)(r)
		}
		return accepted(r)
	})
	if _, err := a.Ask(t.Context(), authenticationv1.UserInfo{Username: "pat"}, wanted(), true); err != nil || len(got.sent) != 2 || got.sent[1].Method != http.MethodPut {
		t.Errorf("got %v after %d requests", err, len(got.sent))
	}
}

func TestASlowAPIServerIsNotWaitedFor(t *testing.T) {
	ends := make(chan struct{})
	a, _ := asked(t, Options{}, func(*http.Request) (int, any) { <-ends; return accepted(nil) })
	t.Cleanup(func() { close(ends) })
	a.Timeout = 50 * time.Millisecond
	var wait sync.WaitGroup
	for range 2 * mostAsked {
		wait.Go(func() {
			_, err := a.Ask(context.Background(), authenticationv1.UserInfo{Username: "pat"}, wanted(), true)
			if err == nil || !strings.Contains(err.Error(), "could not be asked") {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
}
