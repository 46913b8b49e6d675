package analysis

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// Language is how a query is written into a request, and so how a value is written into the query.
type Language int

const (
	// PromQL takes values as they are, as Flagger does: a variable may be a part of a query, such as several matchers.
	PromQL Language = iota
	// Text is any other language that takes values as they are.
	Text
	// URL is the end of a URL. A value stays within its part of it.
	URL
	// JSON is a JSON text. A value stays within its string.
	JSON
)

// languages are those of the types of servers. Others have the zero value.
var languages = map[string]Language{
	v1alpha1.ProviderDatadog: Text, v1alpha1.ProviderNewRelic: Text, v1alpha1.ProviderInfluxDB: Text, v1alpha1.ProviderDynatrace: Text,
	v1alpha1.ProviderStackdriver: Text, v1alpha1.ProviderSplunk: Text, v1alpha1.ProviderGraphite: URL, v1alpha1.ProviderCloudWatch: JSON,
}

func languageOf(server *Server) Language {
	switch {
	case server == nil:
		return PromQL
	case server.Type == v1alpha1.ProviderHTTP && server.HTTP.Method == v1alpha1.MethodPost:
		return JSON
	case server.Type == v1alpha1.ProviderHTTP:
		return URL
	}
	return languages[server.Type]
}

// escape writes a value so that it cannot end the part of the query that the template puts it into, where the language has such parts.
func (l Language) escape(value string) string {
	switch l {
	case URL:
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	case JSON:
		// A string always has a JSON text.
		text, _ := json.Marshal(value)
		return string(text[1 : len(text)-1])
	}
	return value
}

func (l Language) escapeAll(values map[string]string) map[string]string {
	escaped := make(map[string]string, len(values))
	for key, value := range values {
		escaped[key] = l.escape(value)
	}
	return escaped
}

// duration formats a duration. Only PromQL has fractions of a second that all its servers read; others look back a little further.
func (l Language) duration(d time.Duration) string {
	if l == PromQL {
		return promDuration(d)
	}
	return fmt.Sprintf("%ds", int64((d+time.Second-1)/time.Second))
}
