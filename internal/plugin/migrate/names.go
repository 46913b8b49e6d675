package migrate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// primaryOf matches the name of the primary in a template of Flagger.
var primaryOf = regexp.MustCompile(`\{\{-?\s*target\s*-?\}\}-primary`)

// ingressOf matches a variable that has another meaning here.
var ingressOf = regexp.MustCompile(`\{\{-?\s*ingress\s*-?\}\}`)

// query replaces the names of primary and canary in a query, and notes literal names.
func (c *conversion) query(path string, targets []target) {
	query, set := get[string](c.object, path)
	if !set {
		return
	}
	if primaryOf.MatchString(query) {
		query = primaryOf.ReplaceAllString(query, "{{ primary }}")
		c.note("replaced {{ target }}-primary with {{ primary }}, the Deployment itself; "+
			"the names of the canary's pods start with the primary's name too, "+
			"so make sure that an expression such as {{ primary }}-.* does not match both", path)
		c.set(path, query)
	}
	if ingressOf.MatchString(query) {
		c.note("kept: {{ ingress }} is the name of the Deployment here, not of an Ingress", path)
	}
	for _, name := range uniqueNamesOf(targets) {
		plain := strings.ReplaceAll(query, name+"-canary", "")
		switch {
		case strings.Contains(plain, name+"-primary"):
			c.note(fmt.Sprintf("kept: it names %s-primary, which does not exist here; use {{ primary }}, the Deployment %s", name, name), path)
		case regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(name) + `($|\W)`).MatchString(plain):
			c.note(fmt.Sprintf("kept: it names %s, which is the primary here; use {{ target }} if you mean the canary", name), path)
		}
	}
}

func uniqueNamesOf(targets []target) []string {
	names := map[string]bool{}
	for _, t := range targets {
		names[t.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (p *canaryPolicy) queries() {
	p.each("spec.analysis.metrics", func(path string, _ map[string]any) { p.query(path+".query", []target{p.target}) })
}

// hooks notes hooks that use Flagger's name of the primary.
func (p *canaryPolicy) hooks() {
	names := []string{p.service + "-primary", p.name() + "-primary"}
	p.each("spec.analysis.webhooks", func(path string, hook map[string]any) {
		texts := map[string]any{path + ".url": hook["url"]}
		metadata, _ := hook["metadata"].(map[string]any)
		for key, value := range metadata {
			texts[path+".metadata["+key+"]"] = value
		}
		for _, at := range slices.Sorted(maps.Keys(texts)) {
			text, _ := texts[at].(string)
			for _, name := range slices.Compact(slices.Clone(names)) {
				if strings.Contains(text, name) {
					p.note(fmt.Sprintf("kept: it names %s, which does not exist here; the primary is %s", name, strings.TrimSuffix(name, "-primary")), at)
				}
			}
		}
	})
}

func (p *canaryPolicy) name() string { return p.target.name }

// backends replaces Flagger's Service of the primary by the Service itself.
func (p *canaryPolicy) backends() {
	point := func(path string) {
		if name, _ := get[string](p.object, path); name == p.service+"-primary" {
			p.set(path, p.service)
			p.note(fmt.Sprintf("replaced %s with %s: the Service of the Deployment is the primary's", name, p.service), path)
		}
	}
	point("spec.service.primaryBackend.backendRef.name")
	point("spec.service.canaryBackend.backendRef.name")
	p.each("spec.service.mirror", func(path string, _ map[string]any) { point(path + ".backendRef.name") })
	if p.has("spec.service") && !p.has("spec.service.gatewayRefs") {
		p.note("no gatewayRefs are set, so no route is created: make sure that a route sends requests to the Service", "spec.service")
	}
}

// scaler converts the settings of the copied autoscaler, which in Flagger is the primary's.
func (p *canaryPolicy) scaler() {
	const replicas, queries = "spec.autoscalerRef.primaryScalerReplicas", "spec.autoscalerRef.primaryScalerQueries"
	if p.has(replicas) {
		p.note("kept, with another meaning: the primary keeps its autoscaler, and these are the limits of the canary's copy; "+
			"remove them to use a share of the primary's limits", replicas)
	}
	triggers, _ := get[map[string]any](p.object, queries)
	for _, trigger := range slices.Sorted(maps.Keys(triggers)) {
		query, _ := triggers[trigger].(string)
		triggers[trigger] = strings.ReplaceAll(query, p.name()+"-primary", p.name()+"-canary")
	}
	if len(triggers) > 0 {
		p.note(fmt.Sprintf("replaced %s-primary with %s-canary: here the copy of the autoscaler is the canary's, not the primary's", p.name(), p.name()), queries)
	}
}

// names makes the names in lists unique, which Flagger does not require.
func (p *canaryPolicy) names() {
	for _, list := range []string{"metrics", "webhooks", "alerts"} {
		seen := map[string]int{}
		p.each("spec.analysis."+list, func(path string, entry map[string]any) {
			name, _ := entry["name"].(string)
			if seen[name]++; seen[name] > 1 && name != "" {
				entry["name"] = fmt.Sprintf("%s-%d", name, seen[name])
				p.note(fmt.Sprintf("renamed to %s: names must be unique", entry["name"]), path+".name")
			}
		})
	}
}
