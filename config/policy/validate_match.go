package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Bounds of the values of a route, which its schema has too, and what a match by its beginning, by its end or of a cookie adds.
const (
	longestPath   = 1024
	longestQuery  = 1024
	longestHeader = 4096
	longestName   = 256
	addedToRegex  = 4
	addedToCookie = 40
)

// methods are those that a route can match.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

var (
	headerValue = regexp.MustCompile(`^[!-~]+([\t ]?[!-~]+)*$`)
	pathValue   = regexp.MustCompile(`^/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$`)
	pathParts   = regexp.MustCompile(`//|/\.\.?(/|$)|%2[fF]`)
)

const (
	headerHelp = "must be visible ASCII characters with single spaces between them"
	pathHelp   = "must be a path that begins with / and has none of //, /./, /../, %2F, ? and #, such as /shop"
	methodHelp = "must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE and PATCH"
	onceHelp   = "matches a header that another entry matches too: a route can match each header once, and cookies are in the header Cookie; write both as one regex"
)

// match checks that a route can have a match.
func (c *checker) match(path *field.Path, m v1alpha1.HTTPMatch) {
	c.foreignMatch(path, m)
	if m.URI != nil {
		c.uri(path.Child("uri"), *m.URI)
	}
	if m.Method != nil {
		c.must(m.Method.Exact != "", path.Child("method"), *m.Method, "method: the Gateway API supports only exact")
		c.must(m.Method.Exact == "" || slices.Contains(methods, m.Method.Exact), path.Child("method", "exact"), m.Method.Exact, methodHelp)
	}
	c.most(path, len(m.Headers)+len(m.Cookies), mostMatches)
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		c.header(path.Child("headers").Key(name), name, m.Headers[name])
		c.once(path.Child("headers").Key(name), seen, name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Cookies)) {
		c.cookie(path.Child("cookies").Key(name), name, m.Cookies[name])
		c.once(path.Child("cookies").Key(name), seen, "cookie")
	}
	c.most(path.Child("queryParams"), len(m.QueryParams), mostMatches)
	for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
		at := path.Child("queryParams").Key(name)
		c.must(config.IsToken(name) && len(name) <= longestName, at, name, tokenHelp)
		c.oneWay(at, m.QueryParams[name])
		c.long(at, lengthOf(m.QueryParams[name]), longestQuery)
	}
}

func (c *checker) once(path *field.Path, seen map[string]bool, header string) {
	header = strings.ToLower(header)
	c.must(!seen[header], path, header, onceHelp)
	seen[header] = true
}

func (c *checker) header(path *field.Path, name string, m v1alpha1.StringMatch) {
	c.must(config.IsToken(name) && len(name) <= longestName, path, name, tokenHelp)
	c.oneWay(path, m)
	c.visible(path, m)
	c.long(path, lengthOf(m), longestHeader)
}

func (c *checker) cookie(path *field.Path, name string, m v1alpha1.StringMatch) {
	c.must(config.IsToken(name) && len(name) <= longestName, path, name, tokenHelp)
	c.oneWay(path, m)
	c.visible(path, m)
	c.long(path, len(regexp.QuoteMeta(name))+len(regexp.QuoteMeta(m.Exact))+lengthOf(m)+addedToCookie, longestHeader)
}

// visible checks the characters of a value of a header.
func (c *checker) visible(path *field.Path, m v1alpha1.StringMatch) {
	value := m.Exact + m.Prefix + m.Suffix + m.Regex
	c.must(value == "" || headerValue.MatchString(value), path, value, headerHelp)
}

func (c *checker) long(path *field.Path, length, most int) {
	c.must(length <= most, path, fmt.Sprintf("%d bytes", length), fmt.Sprintf("must have at most %d bytes, also as the regular expression that a route has for it", most))
}

// lengthOf is the length of a value as a route has it: one by its beginning or its end is a regular expression there.
func lengthOf(m v1alpha1.StringMatch) int {
	if part := m.Prefix + m.Suffix; part != "" {
		return len(regexp.QuoteMeta(part)) + addedToRegex
	}
	return len(m.Exact + m.Regex)
}

func (c *checker) uri(path *field.Path, m v1alpha1.StringMatch) {
	c.oneWay(path, m)
	c.must(m.Suffix == "", path, m.Suffix, "uri: the Gateway API does not support suffix; use exact, prefix or regex")
	if value := m.Exact + m.Prefix; value != "" && m.Regex == "" {
		c.must(pathValue.MatchString(value) && !pathParts.MatchString(value), path, value, pathHelp)
	}
	c.long(path, len(m.Exact+m.Prefix+m.Regex), longestPath)
}
