package policy

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// autoscalerGroups are the API groups of the autoscalers.
var autoscalerGroups = map[string]string{"HorizontalPodAutoscaler": "autoscaling", "ScaledObject": "keda.sh"}

func (c *checker) autoscaler(path *field.Path, ref v1alpha1.AutoscalerRef) {
	choice(c, path.Child("kind"), &ref.Kind, "HorizontalPodAutoscaler", "ScaledObject")
	group, _, _ := strings.Cut(ref.APIVersion, "/")
	if want := autoscalerGroups[ref.Kind]; ref.APIVersion != "" && want != "" {
		c.must(group == want, path.Child("apiVersion"), ref.APIVersion, fmt.Sprintf("is not the API of a %s, which is %s: correct it, or leave it out", ref.Kind, want))
	}
	if ref.Name == "" {
		c.errs = append(c.errs, field.Required(path.Child("name"), "name the autoscaler of the primary"))
	}
	if limits := ref.PrimaryScalerReplicas; limits != nil {
		at := path.Child("primaryScalerReplicas")
		c.count(at.Child("minReplicas"), limits.MinReplicas, 1, 100000)
		c.count(at.Child("maxReplicas"), limits.MaxReplicas, 1, 100000)
		if limits.MinReplicas != nil && limits.MaxReplicas != nil {
			c.must(*limits.MinReplicas <= *limits.MaxReplicas, at, *limits.MinReplicas, "minReplicas must not be greater than maxReplicas")
		}
	}
}

func (c *checker) canary(path *field.Path, s v1alpha1.CanaryCopySpec) {
	if s.Replicas != nil {
		_, err := config.ParseReplicas(*s.Replicas)
		c.can(err, path.Child("replicas"), *s.Replicas)
	}
	choice(c, path.Child("autoscaler"), s.Autoscaler, config.AutoscalerCopy, config.AutoscalerNone)
	if s.Template != nil {
		c.can(checkTemplate(s.Template.Raw), path.Child("template"), string(s.Template.Raw))
	}
}

// minimal is a pod template to try a patch on.
var minimal = corev1.PodTemplateSpec{
	ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "app"}},
	Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
}

// checkTemplate tries a strategic merge patch on a minimal pod template.
func checkTemplate(patch []byte) error {
	if err := config.CheckJSON(patch); err != nil {
		return err
	}
	object := map[string]any{}
	if err := json.Unmarshal(patch, &object); err != nil {
		return fmt.Errorf("must be an object with the fields of a pod template, such as {spec: {nodeSelector: {pool: canary}}}")
	}
	result, err := config.PatchTemplate(minimal, patch)
	if err != nil {
		return err
	}
	return checkIdentity(result)
}

// checkIdentity rejects a patch that changes the identity of the canary's pods.
func checkIdentity(template corev1.PodTemplateSpec) error {
	meta := template.ObjectMeta
	if meta.Name != "" || meta.GenerateName != "" || meta.Namespace != "" || len(meta.OwnerReferences) > 0 || len(meta.Finalizers) > 0 {
		return fmt.Errorf("must not set name, generateName, namespace, ownerReferences or finalizers of the pods: leave them out")
	}
	for _, keys := range []map[string]string{meta.Labels, meta.Annotations} {
		for key := range keys {
			if strings.HasPrefix(key, config.Prefix) {
				return fmt.Errorf("must not set %s, which is Sluice's own: leave it out", key)
			}
		}
	}
	return nil
}
