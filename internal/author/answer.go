package author

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// isUnanswered reports whether an error is not what the API server says of the author's Deployment: it gave no answer in time, it
// has trouble, this process may not act as the author, or the Deployment is gone, which the request itself will notice.
func (a *Author) isUnanswered(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	switch code := status.Status().Code; code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests:
		return true
	default:
		return code >= http.StatusInternalServerError || cannot(err, a.Self, "impersonate") || isUnsupported(status)
	}
}

// cannot reports whether the API server says that RBAC keeps a user from what begins with a verb. Policies have other words: what
// comes before these is the name of a Deployment or of another user, and the refusal begins after it.
func cannot(err error, user, verb string) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsForbidden(err) {
		return false
	}
	_, refusal, _ := strings.Cut(status.Status().Message, " is forbidden: ")
	return strings.HasPrefix(refusal, fmt.Sprintf("User %q cannot %s", user, verb))
}

// isUnsupported reports whether a webhook of the cluster keeps the API server from dry runs of Deployments.
func isUnsupported(status apierrors.APIStatus) bool {
	rest, is := strings.CutPrefix(status.Status().Message, `admission webhook "`)
	_, rest, _ = strings.Cut(rest, `"`)
	return is && status.Status().Reason == "BadRequest" && rest == " does not support dry run"
}
