package presets

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed files/*.yaml
var files embed.FS

// All are the presets of this release, by name. A file that cannot be read is a fault of the release, which a test finds, so it panics.
func All() []Preset {
	entries, err := files.ReadDir("files")
	if err != nil {
		panic(err)
	}
	all := make([]Preset, 0, len(entries))
	for _, entry := range entries {
		content, err := files.ReadFile("files/" + entry.Name())
		if err != nil {
			panic(err)
		}
		preset, err := Parse(content)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", entry.Name(), err))
		}
		all = append(all, preset)
	}
	slices.SortFunc(all, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Parse reads one preset. Fields that it does not know, and values that make no query, are errors, which name the field.
func Parse(content []byte) (Preset, error) {
	var preset Preset
	if err := yaml.UnmarshalStrict(content, &preset); err != nil {
		return Preset{}, err
	}
	if problems := preset.problems(); len(problems) > 0 {
		return Preset{}, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return preset, nil
}

var (
	// Names of metrics and of labels, as Prometheus allows them without quotes.
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	// placeholder is a part of a form of values.
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
)

// Forms are the forms of values that have a name, and Placeholders what others may have in them.
var (
	Forms        = []string{"pod", "workload", "traefik-service"}
	Placeholders = []string{"{namespace}", "{service}", "{workload}", "{port}", "{any}"}
)

// problems says what is wrong, with the field that is.
func (p Preset) problems() (all []string) {
	must := func(ok bool, problem string, values ...any) {
		if !ok {
			all = append(all, fmt.Sprintf(problem, values...))
		}
	}
	must(p.Name != "", "name is missing")
	must(p.Of != "", "of is missing: say what writes the series")
	must(len(p.Source) > 0, "source is missing: say where the names come from, or that they are not verified")
	must(slices.Contains([]Proof{Running, Documents, NotVerified}, p.Proven), "proven must be running, documents or not verified, not %q", p.Proven)
	must(len(p.CannotSee) > 0, "cannotSee is missing: say what the series do not show")
	if p.Uses != "" {
		must(len(p.Series) == 0 && p.Version.Label == "" && p.Counts == "", "uses: %s leaves no place for series, version and counts", p.Uses)
		return all
	}
	must(p.Counts == Gateway || p.Counts == Pods, "counts must be gateway or pods, not %q", p.Counts)
	must(len(p.Series) > 0, "series is missing")
	for i, s := range p.Series {
		all = append(all, s.problems(fmt.Sprintf("series[%d]", i))...)
	}
	for i, label := range p.Labels {
		all = append(all, label.problems(fmt.Sprintf("labels[%d]", i))...)
	}
	return append(all, p.Version.problems()...)
}

func (s Series) problems(path string) (all []string) {
	for field, name := range map[string]string{"requests": s.Requests, "buckets": s.Buckets} {
		if !metricName.MatchString(name) {
			all = append(all, fmt.Sprintf("%s.%s must be the name of a series, not %q", path, field, name))
		}
	}
	if s.Code == "" && len(s.GRPC) == 0 {
		all = append(all, path+" must have code or grpc: without a status, no request fails")
	}
	for _, name := range append(slices.Clone(s.GRPC), s.Code) {
		if name != "" && !labelName.MatchString(name) {
			all = append(all, fmt.Sprintf("%s: %q is no name of a label", path, name))
		}
	}
	if s.Unit != Seconds && s.Unit != Milliseconds {
		all = append(all, fmt.Sprintf("%s.unit must be seconds or milliseconds, not %q", path, s.Unit))
	}
	slices.Sort(all)
	return all
}

func (l Label) problems(path string) (all []string) {
	if !labelName.MatchString(l.Name) {
		all = append(all, fmt.Sprintf("%s.name must be the name of a label, not %q", path, l.Name))
	}
	given := 0
	for _, value := range []string{l.Is, l.Matches, l.Not} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		all = append(all, path+" must have one of is, matches and not")
	}
	if _, err := regexp.Compile(l.Matches); err != nil {
		all = append(all, fmt.Sprintf("%s.matches: %v", path, err))
	}
	return all
}

func (v Version) problems() (all []string) {
	if !labelName.MatchString(v.Label) {
		all = append(all, fmt.Sprintf("version.label must be the label that tells the versions apart, not %q", v.Label))
	}
	if (v.Is == "") == (len(v.Like) == 0) || v.Is != "" && !slices.Contains(Forms, v.Is) {
		all = append(all, fmt.Sprintf("version must have is (%s) or like", strings.Join(Forms, ", ")))
	}
	for _, form := range v.Like {
		has := placeholder.FindAllString(form, -1)
		for _, part := range has {
			if !slices.Contains(Placeholders, part) {
				all = append(all, fmt.Sprintf("version.like %q: %s must be one of %s", form, part, strings.Join(Placeholders, ", ")))
			}
		}
		if !slices.Contains(has, "{service}") && !slices.Contains(has, "{workload}") {
			all = append(all, fmt.Sprintf("version.like %q must have {service} or {workload}: nothing else differs between the versions", form))
		}
	}
	return all
}
