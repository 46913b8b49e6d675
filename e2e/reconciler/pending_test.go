package reconciler

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestACanaryThatStaysPendingSaysWhatTheSchedulerSays(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	const pod = "podinfo-canary-5d8f-x2v9k"
	a.create(&corev1.Event{ObjectMeta: a.named(pod), Type: corev1.EventTypeWarning, Reason: "FailedScheduling", Message: "0/3 nodes are available: 3 Insufficient cpu.",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: a.namespace, Name: pod}, LastTimestamp: metav1.NewTime(time.Now().Add(time.Hour))})
	a.hold()
	a.waitFor("the words of the scheduler", func(s v1alpha1.CanaryStatus) bool {
		return s.Message == "Waiting for the canary to be ready: the Deployment controller has not seen the change yet; FailedScheduling: 0/3 nodes are available: 3 Insufficient cpu."
	})
}

func TestAVolumeForOnePodIsToldBeforeTheCanaryIsMade(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.create(&corev1.PersistentVolumeClaim{ObjectMeta: a.named("data"), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}})
	pods := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "podinfo"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v2"}}}}
	pods.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	a.holdPods(pods)
	a.waitFor("the volume", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && s.Blocked != nil && s.Blocked.Kind == v1alpha1.BlockedMissing &&
			s.Message == "the candidate mounts PersistentVolumeClaim data, which one pod at a time may use (ReadWriteOncePod), so no canary can start beside the primary: "+
				"use a claim with ReadWriteMany, give the canary another volume with the policy's spec.canary.template, or roll out without a canary with the annotation sluice.dev/bypass"
	})
}
