package analysis

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestValuesStayInTheirPartOfTheQuery(t *testing.T) {
	for name, c := range map[string]struct {
		server      *Server
		query, want string
	}{
		"PromQL":    {nil, `x{a="{{ variables.v }}"}[{{ interval }}]`, `x{a="a&b"c"}[1500ms]`},
		"Datadog":   {&Server{Type: v1alpha1.ProviderDatadog}, `{a:{{ variables.v }}} {{ interval }}`, `{a:a&b"c} 2s`},
		"a URL":     {&Server{Type: v1alpha1.ProviderGraphite}, `target={{ variables.v }}&from=-{{ interval }}`, `target=a%26b%22c&from=-2s`},
		"HTTP GET":  {&Server{Type: v1alpha1.ProviderHTTP, HTTP: HTTP{Method: "GET"}}, `?a={{ variables.v }}`, `?a=a%26b%22c`},
		"HTTP POST": {&Server{Type: v1alpha1.ProviderHTTP, HTTP: HTTP{Method: "POST"}}, `{"a":"{{ variables.v }}"}`, `{"a":"a\u0026b\"c"}`},
		"JSON":      {&Server{Type: v1alpha1.ProviderCloudWatch}, `[{"Id":"{{ target }}{{ variables.v }}"}]`, `[{"Id":"podinfo-canarya\u0026b\"c"}]`},
	} {
		got, err := Render(c.query, Variables{Target: "podinfo-canary", Interval: 1500 * time.Millisecond, Custom: map[string]string{"v": `a&b"c`}, Language: languageOf(c.server)})
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestAValueForAnotherNamespaceBeginsNoComment(t *testing.T) {
	for value, refused := range map[string]bool{"a-b.c:d/e_1": false, "a--b": true, "a//b": true} {
		for kind, own := range map[string]bool{v1alpha1.ProviderNewRelic: refused, v1alpha1.ProviderPrometheus: false} {
			problem := VariablesProblem(Check{Name: "own", Variables: map[string]string{"v": value}, Server: &Server{Type: kind}})
			if (problem != "") != own || own && !strings.Contains(problem, "and neither -- nor //") {
				t.Errorf("%s for %s: %q", value, kind, problem)
			}
		}
	}
}

func TestServersAreTheSameOnlyWithTheSameCredentials(t *testing.T) {
	seen := map[string]int{(*Server)(nil).Identity(): -1}
	for i, server := range []Server{
		{}, {Namespace: "a"}, {Type: "a"}, {Address: "a"}, {Region: "a"}, {InsecureSkipVerify: true}, {Headers: map[string][]string{"a": {"b"}}}, {Headers: map[string][]string{"a": {"b", "c"}}},
		{Credentials: map[string]Secret{"a": "b"}}, {Credentials: map[string]Secret{"a": "c"}}, {Credentials: map[string]Secret{"ab": "c"}},
	} {
		if other, known := seen[server.Identity()]; known || strings.Contains(server.Identity(), "secret") {
			t.Errorf("%d is the same as %d", i, other)
		}
		seen[server.Identity()] = i
	}
}

func TestSecretsLackTheKeysOfTheirType(t *testing.T) {
	for kind := range keys {
		if _, problem := CredentialsOf(kind, map[string][]byte{"other": []byte("x")}); !strings.HasPrefix(problem, "lacks the keys that "+kind+" needs: ") {
			t.Errorf("%s: %s", kind, problem)
		}
	}
	got, problem := CredentialsOf(v1alpha1.ProviderDatadog, map[string][]byte{KeyDatadogAPI: []byte("a\n"), KeyDatadogApplication: []byte("b"), KeyToken: []byte("c"), KeyCA: []byte("d")})
	if problem != "" || len(got) != 3 || got[KeyDatadogAPI] != "a" {
		t.Errorf("%d keys, %s", len(got), problem)
	}
}
