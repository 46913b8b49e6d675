package stackdriver

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

// account returns the key of a service account, whose tokens come from a server of the test.
func account(t *testing.T) analysis.Secret {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"made","token_type":"Bearer","expires_in":3600}`)
	}))
	t.Cleanup(tokens.Close)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "a@b", "token_uri": tokens.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	if err != nil {
		t.Fatal(err)
	}
	return analysis.Secret(key)
}

// TestAnswers plays those of https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/query
func TestAnswers(t *testing.T) {
	const (
		begin = `{"timeSeriesDescriptor":{"pointDescriptors":[{"key":"value","valueType":"DOUBLE"}]}`
		query = "fetch k8s_container\n| metric 'istio.io/service/server/request_count'\n| within 1m"
	)
	series := func(values string) string { return begin + `,"timeSeriesData":[{"pointData":[` + values + `]}]}` }
	kind := battery.Kind{
		New: func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderStackdriver, Credentials: map[string]analysis.Secret{
			analysis.KeyProject: "my-project", analysis.KeyServiceAccount: account(t)}},
		Query: query,
		Asked: func(t *testing.T, r *http.Request, body string) {
			var sent map[string]string
			if err := json.Unmarshal([]byte(body), &sent); err != nil || sent["query"] != query || r.URL.Path != "/v3/projects/my-project/timeSeries:query" || r.Header.Get("Authorization") != "Bearer made" {
				t.Errorf("got %s %v %s", r.URL, r.Header, body)
			}
		},
		Answer:  series(`{"values":[{"doubleValue":%s}],"timeInterval":{}},{"values":[{"doubleValue":1}]}`),
		Empty:   []string{begin + `}`, begin + `,"timeSeriesData":[]}`, series("")},
		Several: []string{begin + `,"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":1}]}]},{"pointData":[]}]}`, series(`{"values":[{"doubleValue":1},{"doubleValue":2}]}`), series(`{"values":[]}`)},
		Says: map[string]string{
			series(`{"values":[{"distributionValue":{"count":"1"}}]}`):                                                         "a value that is no number",
			series(`{"values":[{"stringValue":"12.5"}]}`):                                                                      "a value that is no number",
			begin + `,"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":1}]}]}],"partialErrors":[{"message":"late"}]}`: "the whole query: late",
		},
	}
	t.Run("a fraction", kind.Run)
	kind.Texts = true
	kind.Answer = series(`{"values":[{"int64Value":"%s"}]}`)
	kind.NoNumber = []string{"12.5a"}
	t.Run("a whole number", kind.Run)
}
