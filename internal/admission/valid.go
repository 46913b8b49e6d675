package admission

import (
	"fmt"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsdefaults "k8s.io/kubernetes/pkg/apis/apps/v1"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/capabilities"

	"sluice.dev/sluice/internal/workload"
)

// validate refuses a template that the API server would refuse as the template of the Deployment, in the API server's own
// words. The API server validates only what is stored, and a template that is held back is not. What it already accepts in
// the live template is no mistake, even if it is newer than this release's rules. The same holds for fields that are held back
// around the template.
func (s *subject) validate(meant workload.Template, held workload.Around) error {
	problems, err := s.problemsOf(meant, held)
	if err != nil || len(problems) == 0 {
		return err
	}
	known, err := s.problemsOf(s.live.Template, nil)
	if err != nil {
		return err
	}
	accepted := sets.New[string]()
	for _, problem := range known {
		accepted.Insert(problem.Error())
	}
	problems = problems.Filter(func(err error) bool { return accepted.Has(err.Error()) })
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind(), s.name(), s.explained(problems))
}

// explained says of a container without an image how that can be when each manifest on its own is in order.
func (s *subject) explained(problems field.ErrorList) field.ErrorList {
	for _, problem := range problems {
		if s.candidate != nil && problem.Type == field.ErrorTypeRequired && problem.Detail == "" {
			problem.Detail = "another field manager had set it in the candidate; set it in this manifest, or remove what needs it"
		}
	}
	return problems
}

// problemsOf returns what the API server's own validation finds in a pod template of the Deployment, and in fields around it.
func (s *subject) problemsOf(template workload.Template, held workload.Around) (field.ErrorList, error) {
	object := deploymentWith(template)
	for _, name := range workload.AroundFields() {
		if value, has := specOf(s.old)[name]; has {
			specOf(object)[name] = value
		}
	}
	held.Put(specOf(object))
	var given appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &given); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	selector, err := s.selector()
	if err != nil {
		return nil, nil // the API server refuses the Deployment itself
	}
	appsdefaults.SetObjectDefaults_Deployment(&given)
	var deployment apps.Deployment
	if err := appsdefaults.Convert_v1_Deployment_To_apps_Deployment(&given, &deployment, nil); err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	allowPrivileged()
	path := field.NewPath("spec")
	problems := appsvalidation.ValidatePodTemplateSpecForReplicaSet(&deployment.Spec.Template, selector, deployment.Spec.Replicas, path.Child("template"), lenient)
	if len(held) > 0 {
		problems = append(problems, aroundProblems(&deployment.Spec, path)...)
	}
	return problems, nil
}

// aroundProblems returns what the API server's own validation finds in the fields that can be held back around a template.
func aroundProblems(spec *apps.DeploymentSpec, path *field.Path) field.ErrorList {
	var problems field.ErrorList
	for _, problem := range appsvalidation.ValidateDeploymentSpec(spec, nil, path, lenient) {
		for _, name := range workload.AroundFields() {
			if strings.HasPrefix(problem.Field, path.Child(name).String()) {
				problems = append(problems, problem)
			}
		}
	}
	return problems
}

// selector returns the selector that the Deployment will have.
func (s *subject) selector() (labels.Selector, error) {
	value, found, err := unstructured.NestedMap(s.new, "spec", "selector")
	if err != nil || !found {
		return labels.Everything(), err
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(value, &selector); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(&selector)
}

// allowPrivileged leaves the API server's flag of this name to the API server.
var allowPrivileged = sync.OnceFunc(func() { capabilities.Setup(true, 0) })

// lenient accepts what depends on a feature gate of the API server, because admission does not know them.
var lenient = corevalidation.PodValidationOptions{
	AllowRelaxedEnvironmentVariableValidation:           true,
	PodLevelResourcesEnabled:                            true,
	InPlacePodLevelResourcesVerticalScalingEnabled:      true,
	InPlacePodVerticalScalingMemoryBackedVolumesEnabled: true,
	AllowSidecarResizePolicy:                            true,
	AllowMatchLabelKeysInPodTopologySpread:              true,
	AllowMatchLabelKeysInPodTopologySpreadSelectorMerge: true,
	AllowEnvFilesValidation:                             true,
	AllowContainerRestartPolicyRules:                    true,
	AllowTaintTolerationComparisonOperators:             true,
	AllowUserNamespacesHostNetworkSupport:               true,
	AllowRestartAllContainers:                           true,
}
