package coverage

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// endOfCalico is one end of a rule.
type endOfCalico struct {
	Selector, NamespaceSelector string
	Services                    *struct{ Name, Namespace string }
}

// readCalico reads a policy of Calico, whose selectors are expressions.
func readCalico(p *picker, content []byte) error {
	var o spec[struct {
		endOfCalico
		Ingress, Egress []struct{ Source, Destination endOfCalico }
	}]
	err := json.Unmarshal(content, &o)
	ends := []endOfCalico{o.Spec.endOfCalico}
	for _, rule := range append(o.Spec.Ingress, o.Spec.Egress...) {
		ends = append(ends, rule.Source, rule.Destination)
	}
	for _, end := range ends {
		term, selectorErr := p.inCalico(end)
		if len(term) > 0 {
			p.add("", term)
		}
		err = errors.Join(err, selectorErr)
	}
	return err
}

// inCalico returns the tests of one end of a rule.
func (p *picker) inCalico(end endOfCalico) (Term, error) {
	if service := end.Services; service != nil && service.Name != "" {
		return p.attached(ref{Kind: "Service", Name: service.Name, Namespace: service.Namespace})[0], nil
	}
	var term Term
	for of, text := range map[Of]string{CalicoLabels: end.Selector, NamespaceLabels: end.NamespaceSelector} {
		if text == "" || text == "all()" || text == "global()" {
			continue
		}
		match, size, err := parseCalico(text)
		if p.left -= size; err != nil || p.left < 0 {
			return nil, err
		}
		term = append(term, Test{of, match})
	}
	return term, nil
}

// inCalico returns the labels of the pods with those that Calico adds.
func (w Workload) inCalico() labels.Set {
	all := labels.Set{"projectcalico.org/namespace": w.Namespace, "projectcalico.org/orchestrator": "k8s"}
	for key, value := range w.Pods {
		all[key] = value
	}
	return all
}

// expression is a selector of Calico.
type expression func(labels.Labels) bool

// Matches evaluates the expression.
func (e expression) Matches(side labels.Labels) bool { return e(side) }

// deepestExpression is how far expressions may be nested.
const deepestExpression = 50

var errSelector = errors.New("not a selector of Calico")

// tokensOfCalico splits a selector: names, strings, operators.
var tokensOfCalico = regexp.MustCompile(`^\s*("[^"]*"|'[^']*'|&&|\|\||==|!=|[!(){},]|[A-Za-z0-9_./-]+)`)

// calicoParser reads tokens from the left.
type calicoParser struct {
	tokens []string
	depth  int
}

// parseCalico parses a selector, and returns how many tokens it has.
func parseCalico(text string) (match Matcher, size int, err error) {
	var tokens []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		found := tokensOfCalico.FindStringSubmatch(rest)
		if found == nil {
			return nil, 0, errSelector
		}
		if tokens = append(tokens, found[1]); len(tokens) > mostTests || len(found[1]) > longestName {
			return nil, 0, errTooLarge
		}
		rest = rest[len(found[0]):]
	}
	p := &calicoParser{tokens: tokens}
	parsed, err := p.anyOf()
	if err == nil && len(p.tokens) > 0 {
		err = errSelector
	}
	return parsed, len(tokens), err
}

// next takes a token if it is the one that is wanted.
func (p *calicoParser) next(wanted string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == wanted {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

// take takes any token.
func (p *calicoParser) take() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

func (p *calicoParser) anyOf() (expression, error) {
	if p.depth++; p.depth > deepestExpression {
		return nil, errTooLarge
	}
	defer func() { p.depth-- }()
	return p.joined("||", p.allOf, func(all []expression, side labels.Labels) bool {
		return slices.ContainsFunc(all, func(e expression) bool { return e(side) })
	})
}

func (p *calicoParser) allOf() (expression, error) {
	return p.joined("&&", p.operand, func(all []expression, side labels.Labels) bool {
		return !slices.ContainsFunc(all, func(e expression) bool { return !e(side) })
	})
}

// joined reads operands between operators.
func (p *calicoParser) joined(operator string, operand func() (expression, error), join func([]expression, labels.Labels) bool) (expression, error) {
	var all []expression
	for {
		one, err := operand()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if !p.next(operator) {
			break
		}
	}
	return func(side labels.Labels) bool { return join(all, side) }, nil
}

func (p *calicoParser) operand() (expression, error) {
	negated := false
	for p.next("!") {
		negated = !negated
	}
	one, err := p.primary()
	if err != nil || !negated {
		return one, err
	}
	return func(side labels.Labels) bool { return !one(side) }, nil
}

func (p *calicoParser) primary() (expression, error) {
	if p.next("(") {
		inner, err := p.anyOf()
		if err == nil && !p.next(")") {
			err = errSelector
		}
		return inner, err
	}
	key := p.take()
	if key == "" || strings.ContainsAny(key[:1], `"'&|=!(){},`) {
		return nil, errSelector
	}
	if p.next("(") {
		return p.function(key)
	}
	return p.comparison(key)
}

// function reads what follows has(, all( and global(.
func (p *calicoParser) function(called string) (expression, error) {
	if called != "has" {
		if (called != "all" && called != "global") || !p.next(")") {
			return nil, errSelector
		}
		return func(labels.Labels) bool { return called == "all" }, nil
	}
	key := p.take()
	if !p.next(")") {
		return nil, errSelector
	}
	return func(side labels.Labels) bool { return side.Has(key) }, nil
}

// comparison reads an operator and what a label is compared with.
func (p *calicoParser) comparison(key string) (expression, error) {
	operator := p.take()
	negated := operator == "!=" || operator == "not"
	if operator == "not" {
		operator = p.take()
	}
	if operator == "in" {
		return p.membership(key, negated)
	}
	if negated && operator != "!=" {
		return nil, errSelector
	}
	return p.withString(key, operator, negated)
}

// withString reads the string that an operator compares a label with.
func (p *calicoParser) withString(key, operator string, negated bool) (expression, error) {
	compare, known := comparisons[operator]
	if !known || (operator == "starts" || operator == "ends") && !p.next("with") {
		return nil, errSelector
	}
	wanted, is := unquoted(p.take())
	if !is {
		return nil, errSelector
	}
	return func(side labels.Labels) bool {
		return (side.Has(key) && compare(side.Get(key), wanted)) != negated
	}, nil
}

// comparisons are the operators that compare a label with one string.
var comparisons = map[string]func(value, wanted string) bool{
	"==": same, "!=": same, "starts": strings.HasPrefix, "ends": strings.HasSuffix, "contains": strings.Contains,
}

func same(value, wanted string) bool { return value == wanted }

// membership reads a set of strings.
func (p *calicoParser) membership(key string, negated bool) (expression, error) {
	if !p.next("{") {
		return nil, errSelector
	}
	var values []string
	for !p.next("}") {
		value, is := unquoted(p.take())
		if !is {
			return nil, errSelector
		}
		values = append(values, value)
		p.next(",")
	}
	return func(side labels.Labels) bool {
		return (side.Has(key) && slices.Contains(values, side.Get(key))) != negated
	}, nil
}

func unquoted(token string) (string, bool) {
	if len(token) < 2 || token[0] != '"' && token[0] != '\'' {
		return "", false
	}
	return token[1 : len(token)-1], true
}
