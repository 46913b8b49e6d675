package analysis

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Variables are the values that fill the template of a query.
type Variables struct {
	// Namespace is the namespace of the Deployment.
	Namespace string
	// Primary is the name of the Deployment and of its Canary.
	Primary string
	// Target is the name of the canary's Deployment.
	Target string
	// Service is the primary's Service and Route the first route. Both may be empty.
	Service, Route string
	// Interval is how far back the query looks.
	Interval time.Duration
	// Custom holds the templateVariables of the check.
	Custom map[string]string
	// Language is that of the query. The zero value is PromQL.
	Language Language
}

// functions have Flagger's names, except primary, which is new: in Flagger, target is the Deployment that is the canary.
func (v Variables) functions() template.FuncMap {
	escape := func(value string) func() string {
		return func() string { return v.Language.escape(value) }
	}
	return template.FuncMap{
		"name":      escape(v.Primary),
		"primary":   escape(v.Primary),
		"target":    escape(v.Target),
		"namespace": escape(v.Namespace),
		"service":   escape(v.Service),
		"ingress":   escape(v.Primary),
		"route":     escape(v.Route),
		"interval":  func() string { return v.Language.duration(v.Interval) },
		"variables": func() map[string]string { return v.Language.escapeAll(v.Custom) },
	}
}

// promDuration formats a duration for PromQL, in seconds if it is a whole number of them.
func promDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", int64(d/time.Second))
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// plainValue matches values that cannot end a string or a matcher of any language. It allows the dot, which names need and which
// matches any character where the template uses the value in a regular expression.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9_.:/-]*$`)

// plain reports whether a value has only such characters, and begins no comment.
func plain(value string, language Language) bool {
	return plainValue.MatchString(value) && (language == PromQL || !strings.Contains(value, "--") && !strings.Contains(value, "//"))
}

// VariablesProblem says which templateVariables of a check must not be passed to a MetricTemplate of another namespace, with
// the path of the field. It returns an empty string if all may. The query runs with the credentials of the other namespace,
// so it must stay the query that was written there. The check has the template's server.
func VariablesProblem(check Check) string {
	for _, key := range slices.Sorted(maps.Keys(check.Variables)) {
		if value := check.Variables[key]; !plain(value, languageOf(check.Server)) {
			return fmt.Sprintf("spec.analysis.metrics[%s].templateVariables[%s]: Invalid value: %q: "+
				"a value for a MetricTemplate in another namespace may contain only letters, digits and _ . : / -%s; "+
				"write the rest into the template, or copy the template into the Deployment's namespace", check.Name, key, value, withoutComments(check.Server))
		}
	}
	return ""
}

// withoutComments is what else holds for languages in which -- or // begins a comment.
func withoutComments(server *Server) string {
	if languageOf(server) == PromQL {
		return ""
	}
	return ", and neither -- nor //"
}

// comparisons are the functions of Go templates that are allowed besides our own. Functions that loop or make text grow are
// not: the author of a policy must not be able to stop the controller.
var comparisons = []string{"and", "eq", "ne", "not", "or"}

// Render fills in the template of a query. The error says what is wrong with the template.
func Render(query string, variables Variables) (string, error) {
	functions := variables.functions()
	parsed, err := template.New("query").Option("missingkey=error").Funcs(functions).Parse(query)
	if err != nil {
		return "", fmt.Errorf("the query is not a valid template: %w", trimmed(err))
	}
	allowed := append(slices.Collect(maps.Keys(functions)), comparisons...)
	slices.Sort(allowed)
	if len(parsed.Templates()) > 1 {
		return "", errors.New("the query defines a template, which is not supported")
	}
	if parsed.Tree == nil {
		return "", errors.New("the query is empty")
	}
	if err := supported(parsed.Root, allowed); err != nil {
		return "", err
	}
	var rendered strings.Builder
	if err := parsed.Execute(&rendered, nil); err != nil {
		return "", fmt.Errorf("the query cannot be rendered: %w", trimmed(err))
	}
	if strings.TrimSpace(rendered.String()) == "" {
		return "", errors.New("the query is empty")
	}
	return rendered.String(), nil
}

// trimmed removes what Go puts in front of the position of an error.
func trimmed(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}

// supported checks that a template only fills in values and branches by if.
func supported(node parse.Node, allowed []string) error {
	switch n := node.(type) {
	case *parse.ListNode:
		return supportedList(n, allowed)
	case *parse.TextNode, *parse.CommentNode:
		return nil
	case *parse.ActionNode:
		return supportedPipe(n.Pipe, allowed)
	case *parse.IfNode:
		return errors.Join(supportedPipe(n.Pipe, allowed), supportedList(n.List, allowed), supportedList(n.ElseList, allowed))
	}
	return fmt.Errorf("the query uses %s, which is not supported: use only values and if", node)
}

func supportedList(list *parse.ListNode, allowed []string) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if err := supported(node, allowed); err != nil {
			return err
		}
	}
	return nil
}

func supportedPipe(pipe *parse.PipeNode, allowed []string) error {
	for _, command := range pipe.Cmds {
		for _, argument := range command.Args {
			if err := supportedArgument(argument, allowed); err != nil {
				return err
			}
		}
	}
	return nil
}

func supportedArgument(node parse.Node, allowed []string) error {
	switch n := node.(type) {
	case *parse.PipeNode:
		return supportedPipe(n, allowed)
	case *parse.ChainNode:
		return supportedArgument(n.Node, allowed)
	case *parse.IdentifierNode:
		if !slices.Contains(allowed, n.Ident) {
			return fmt.Errorf("the query uses the function %s; the available functions are %s", n.Ident, strings.Join(allowed, ", "))
		}
	}
	return nil
}

var targetPrimary = regexp.MustCompile(`\{\{-?\s*target\s*-?\}\}-primary`)

// Advice says what a query that was written for Flagger must change. It returns an empty string if nothing.
func Advice(query string) string {
	if targetPrimary.MatchString(query) {
		return "{{ target }} is the canary, so {{ target }}-primary does not exist: use {{ primary }}, which is your Deployment"
	}
	return ""
}
