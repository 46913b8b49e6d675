package process

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// bomb returns an opted-in Deployment whose candidate has 5 KB in the annotation and 400 000 maps once it is decoded.
func (s *shop) bomb(name string) *appsv1.Deployment {
	s.t.Helper()
	const maps = 400_000
	list := make([]any, maps)
	for i := range list {
		list[i] = map[string]any{"": int64(0)}
	}
	template := workload.Template{"spec": map[string]any{"x": list}}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	s.Expect(err).NotTo(HaveOccurred())
	_, err = fmt.Fprintf(writer, `{"hash":%q,"template":{"spec":{"x":[%s]}},"at":"2026-01-02T15:04:05Z"}`,
		template.Hash(), strings.TrimSuffix(strings.Repeat(`{"":0},`, maps), ","))
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(writer.Close()).To(Succeed())
	pods := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: name, Annotations: map[string]string{config.AnnotationCanary: "true",
			config.AnnotationCandidate: "gzip:" + base64.StdEncoding.EncodeToString(packed.Bytes())}},
		Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: pods}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}}},
	}
}
