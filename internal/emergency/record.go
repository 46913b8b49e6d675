package emergency

import (
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Names that the chart fixes.
const (
	// Deployment is the controller's Deployment.
	Deployment = "sluice"
	// Lease is the lease of the replica that reconciles.
	Lease = "sluice"
	// DefaultNamespace is the namespace of the release where no webhook names it.
	DefaultNamespace = "sluice-system"
)

const (
	// Annotation records an emergency: as JSON on the lease, in words on the webhook configurations.
	Annotation = "sluice.dev/emergency"
	// holder has the lease while Sluice is off.
	holder = "sluice-emergency"
	// manager is the field manager of all writes. GitOps tools take back what managers with the prefix kubectl have written.
	manager = "sluice-emergency"
	// forever is how long the lease is held, in seconds: ten years.
	forever = 10 * 365 * 24 * 60 * 60
	// mostRoutes is how many routes are recorded. The annotations of an object hold 256 KiB.
	mostRoutes = 500
)

// Record is what is remembered of an emergency.
type Record struct {
	Stamp
	// Reason is why, in a sentence. Empty if it was not said.
	Reason string `json:"reason,omitempty"`
	// Stopped is when the replica that had the lease has certainly stopped reconciling.
	Stopped time.Time `json:"stopped"`
	// Replicas are those that the controller had before it was scaled to 0; 0 if it was not.
	Replicas int32 `json:"replicas,omitempty"`
	// Routes are the generations of the routes that were given back to their primaries, by kind, namespace and name.
	Routes map[string]int64 `json:"routes,omitempty"`
	// Ended is who brought Sluice back, and when; nil while it is off.
	Ended *Stamp `json:"ended,omitempty"`
}

// Stamp is who did something, and when.
type Stamp struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// String is the sentence for people who look at the object.
func (r Record) String() string {
	text := fmt.Sprintf("off since %s by %s", r.At.UTC().Format(time.RFC3339), r.By)
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// recordOf reads the record on the lease; nil if there is none, or if it cannot be read.
func recordOf(lease *coordinationv1.Lease) *Record {
	if lease == nil {
		return nil
	}
	var record Record
	if json.Unmarshal([]byte(lease.Annotations[Annotation]), &record) != nil {
		return nil
	}
	return &record
}

// isHeld reports whether the emergency holds the lease.
func isHeld(lease *coordinationv1.Lease) bool {
	return lease != nil && ptr.Deref(lease.Spec.HolderIdentity, "") == holder
}

// heldUntil is when the lease of a replica runs out; zero if none has it.
func heldUntil(lease *coordinationv1.Lease) time.Time {
	if lease == nil || isHeld(lease) || ptr.Deref(lease.Spec.HolderIdentity, "") == "" || lease.Spec.RenewTime == nil {
		return time.Time{}
	}
	return lease.Spec.RenewTime.Add(time.Duration(ptr.Deref(lease.Spec.LeaseDurationSeconds, 0)) * time.Second)
}

// taken returns the lease as the emergency holds it.
func taken(lease *coordinationv1.Lease, namespace string, record Record, now time.Time) (*coordinationv1.Lease, error) {
	result := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: Lease}}
	if lease != nil {
		result = lease.DeepCopy()
	}
	if !isHeld(lease) {
		at := metav1.NewMicroTime(now)
		result.Spec.AcquireTime, result.Spec.RenewTime = &at, &at
	}
	result.Spec.HolderIdentity, result.Spec.LeaseDurationSeconds = ptr.To(holder), ptr.To(int32(forever))
	return result, record.onto(result)
}

// released returns the lease as any replica may take it.
func released(lease *coordinationv1.Lease, record Record) (*coordinationv1.Lease, error) {
	result := lease.DeepCopy()
	result.Spec.HolderIdentity, result.Spec.LeaseDurationSeconds = ptr.To(""), ptr.To(int32(1))
	return result, record.onto(result)
}

func (r Record) onto(lease *coordinationv1.Lease) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, Annotation, string(text))
	return nil
}
