package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StoredTemplate is the SHA-256 of a Deployment's pod template as the API server stores it.
func StoredTemplate(deployment *appsv1.Deployment) string {
	content, err := json.Marshal(deployment.Spec.Template)
	if err != nil {
		panic(err) // a pod template can always be encoded
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// EditorOf names the field manager, other than our own, that last wrote to a Deployment's pod template, and when; empty if the
// managed fields do not say.
func EditorOf(deployment *appsv1.Deployment, own string) string {
	var last *metav1.ManagedFieldsEntry
	for i := range deployment.ManagedFields {
		entry := &deployment.ManagedFields[i]
		if entry.Manager == own || entry.FieldsV1 == nil || !strings.Contains(entry.FieldsV1.GetRawString(), `"f:template"`) {
			continue
		}
		if last == nil || last.Time.Before(entry.Time) {
			last = entry
		}
	}
	switch {
	case last == nil:
		return ""
	case last.Time == nil:
		return last.Manager
	}
	return fmt.Sprintf("%s at %s", last.Manager, last.Time.UTC().Format(time.TimeOnly))
}
