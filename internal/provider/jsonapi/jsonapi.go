// Package jsonapi asks any server that answers with JSON for one number.
package jsonapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/client-go/util/jsonpath"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// Provider asks such servers.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "The HTTP server" }

// Value sends the query and returns the number at the JSON path.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	path, err := parse(query.Server.HTTP.JSONPath)
	if err != nil {
		return 0, err
	}
	body, err := p.servers.Fetch(ctx, query.Server, request(query))
	if err != nil {
		return 0, err
	}
	var answer any
	if err := web.JSON(body, &answer); err != nil {
		return 0, err
	}
	return find(path, query.Server.HTTP.JSONPath, answer)
}

func request(query analysis.Query) web.Request {
	r := web.Request{Method: query.Server.HTTP.Method, URL: query.Server.Address, Header: map[string]string{"Accept": "application/json"}}
	text := strings.TrimSpace(query.Expression)
	switch {
	case r.Method == http.MethodPost:
		r.Body, r.Header["Content-Type"] = []byte(text), "application/json"
	case strings.HasPrefix(text, "?"):
		r.URL += text
	default:
		r.URL = strings.TrimSuffix(r.URL, "/") + "/" + strings.TrimPrefix(text, "/")
	}
	return r
}

// parse reads a JSON path. Those are refused that find the same value again and again, because a short one could keep the controller busy.
func parse(text string) (*jsonpath.JSONPath, error) {
	parsed, err := jsonpath.Parse("jsonPath", text)
	if err != nil {
		return nil, fmt.Errorf("provider.http.jsonPath is not valid (%w): write one such as {.data.errorRate}", err)
	}
	if len(parsed.Root.Nodes) != 1 || parsed.Root.Nodes[0].Type() != jsonpath.NodeList || !simple(parsed.Root) {
		return nil, errors.New("provider.http.jsonPath must be one path in braces, such as {.data[0].value}: of fields, indexes, * and filters, without range, .. and unions")
	}
	path := jsonpath.New("jsonPath")
	return path, path.Parse(text)
}

// simple reports whether each step of a path finds a value at most once.
func simple(list *jsonpath.ListNode) bool {
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *jsonpath.ListNode:
			if !simple(n) {
				return false
			}
		case *jsonpath.FilterNode:
			if !simple(n.Left) || !simple(n.Right) {
				return false
			}
		case *jsonpath.FieldNode, *jsonpath.ArrayNode, *jsonpath.WildcardNode, *jsonpath.TextNode, *jsonpath.IntNode, *jsonpath.FloatNode, *jsonpath.BoolNode:
		default:
			return false
		}
	}
	return true
}

// find returns the one number. A path that finds nothing is an error, unless it searches: it may be misspelt, and would never have data.
func find(path *jsonpath.JSONPath, text string, answer any) (float64, error) {
	found, err := path.FindResults(answer)
	if err != nil {
		return 0, fmt.Errorf("the answer has nothing at %s (%w): correct provider.http.jsonPath", text, err)
	}
	switch {
	case len(found) == 0 || len(found[0]) == 0:
		return 0, provider.ErrNoData
	case len(found[0]) > 1:
		return 0, web.One(len(found[0]), "choose one in provider.http.jsonPath")
	}
	if value := found[0][0]; value.IsValid() && value.CanInterface() {
		switch v := value.Interface().(type) {
		case nil:
			return 0, provider.ErrNoData
		case float64:
			return v, nil
		default:
			return 0, fmt.Errorf("the answer has the %T %v at %s, where a number is expected: correct provider.http.jsonPath, or let the server write a number", v, v, text)
		}
	}
	return 0, provider.ErrNoData
}
