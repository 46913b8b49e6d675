// Package lint checks manifests without a cluster, with the code of admission and the controller. It is pure: objects in,
// findings out.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
)

// Severity is the severity of a finding.
type Severity string

// The severities. A warning does not make a manifest invalid, or cannot be decided from the files alone.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one problem in a manifest.
type Finding struct {
	// File and Line are its position. Lines start at 1; 0 means that the file could not be parsed, and there is no object.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Kind, Namespace and Name identify the object.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Field is the path of the value; empty for the object as a whole.
	Field string `json:"field,omitempty"`
	// Severity is error or warning.
	Severity Severity `json:"severity"`
	// Message says what is wrong and what is expected.
	Message string `json:"message"`
}

// String formats the finding on one line.
func (f Finding) String() string {
	if f.Kind == "" {
		return f.File + ": " + f.Message
	}
	text := fmt.Sprintf("%s:%d: %s/%s: ", f.File, f.Line, f.Kind, f.Name)
	if f.Severity == Warning {
		text += "warning: "
	}
	if f.Field != "" {
		text += f.Field + ": "
	}
	return text + f.Message
}

// Strategy is how an opted-in Deployment is rolled out.
type Strategy struct {
	// Namespace and Name identify the Deployment.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Summary is a short form of the steps, such as canary 10%, 20%, 30% every 30s.
	Summary string `json:"summary"`
	// Policies are the sources of its settings, highest first.
	Policies []string `json:"policies"`
}

// String formats the strategy on one line.
func (s Strategy) String() string {
	return fmt.Sprintf("%s: %s, from %s", s.Name, s.Summary, joined(s.Policies))
}

// Report is the result of a check.
type Report struct {
	// Findings are sorted by file, line and field.
	Findings []Finding `json:"findings"`
	// Strategies has one entry for each opted-in Deployment without an error.
	Strategies []Strategy `json:"strategies"`
}

// Failed reports whether there is an error or, if strict, any finding.
func (r Report) Failed(strict bool) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return strict || f.Severity == Error })
}

// Lint checks the Deployments and Sluice objects among the given ones, warns of Flagger's, and ignores others. Policies that a
// Deployment names are looked up among the objects. Checks that depend on the time, such as that of a bypass, use now.
func Lint(objects []manifest.Object, now time.Time) Report {
	l := &linter{objects: objects, now: now, report: Report{Findings: []Finding{}, Strategies: []Strategy{}}}
	for _, object := range objects {
		switch {
		case object.Group() == sluiceGroup:
			l.own(object)
		case object.Group() == "apps" && object.Kind() == "Deployment":
			l.deployment(object)
		case object.Group() == "flagger.app":
			l.find(object, Warning, "", "not checked: this is an object of Flagger; to convert it: kubectl sluice migrate -f "+object.File)
		}
	}
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
	slices.SortStableFunc(l.report.Strategies, func(a, b Strategy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return l.report
}

type linter struct {
	objects []manifest.Object
	now     time.Time
	report  Report
}

func (l *linter) find(object manifest.Object, severity Severity, path, message string) {
	l.report.Findings = append(l.report.Findings, Finding{
		File: object.File, Line: object.LineOf(path), Kind: object.Kind(), Namespace: object.Namespace(), Name: object.Name(),
		Field: path, Severity: severity, Message: message,
	})
}

func (l *linter) wrong(object manifest.Object, errs field.ErrorList) {
	for _, err := range errs {
		l.find(object, Error, err.Field, err.ErrorBody())
	}
}

// deployment checks the annotations alone, then together with their policies.
func (l *linter) deployment(object manifest.Object) {
	annotations := map[string]string{}
	given, _ := manifest.Get(object.Content, "metadata.annotations")
	values, _ := given.(map[string]any)
	path := field.NewPath("metadata", "annotations")
	var errs field.ErrorList
	for key, value := range values {
		if text, is := value.(string); is {
			annotations[key] = text
		} else {
			errs = append(errs, field.Invalid(path.Key(key), value, "must be a string: put it in quotes"))
		}
	}
	errs = append(errs, l.settings(path, annotations)...)
	l.wrong(object, errs)
	for _, known := range config.Annotations() {
		if _, given := annotations[known.Key]; given && known.Kind == config.KindRecord {
			l.find(object, Warning, path.Key(known.Key).String(), "Sluice sets this on the Deployment in the cluster: remove it from the manifest")
		}
	}
	if len(errs) == 0 && config.OptedIn(annotations) {
		l.effective(object, annotations)
	}
}

// settings runs the checks of admission on a new Deployment.
func (l *linter) settings(path *field.Path, annotations map[string]string) field.ErrorList {
	_, errs := policy.SettingsOf(annotations)
	for key := range annotations {
		if slices.Contains(config.Requests(), key) {
			errs = append(errs, field.Forbidden(path.Key(key), "cannot be set on a new Deployment; leave it out"))
		}
	}
	if _, err := config.BypassOf(annotations, l.now); err != nil {
		errs = append(errs, field.Invalid(path.Key(config.AnnotationBypass), annotations[config.AnnotationBypass], err.Error()))
	}
	return errs
}

// effective checks the policy that annotations and policies make together.
func (l *linter) effective(object manifest.Object, annotations map[string]string) {
	name := annotations[config.AnnotationPolicy]
	policies := l.policiesOf(object.Namespace(), name)
	if name != "" && policies.Named == nil && policies.ClusterNamed == nil {
		l.find(object, Warning, "metadata.annotations["+config.AnnotationPolicy+"]",
			fmt.Sprintf("no CanaryPolicy or ClusterCanaryPolicy %s is in these files: it must exist in the cluster; add its file to check both together", name))
		return
	}
	present := policy.PresentOf(object.Namespace(), annotations, policies)
	if present.Problem != "" {
		l.find(object, Error, "metadata.annotations", present.Problem)
		return
	}
	l.adviseEffective(object, annotations, present)
	l.report.Strategies = append(l.report.Strategies, strategyOf(object, present))
}
