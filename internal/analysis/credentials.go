package analysis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// Keys of a Secret that all servers with the usual ways of HTTP know.
const (
	KeyToken        = "token"
	KeyUsername     = "username"
	KeyPassword     = "password"
	KeyClientID     = "client_id"
	KeyClientSecret = "client_secret"
	KeyTokenURL     = "token_url"
	KeyScopes       = "scopes"
	KeyCA           = "ca.crt"
	KeyCertificate  = "tls.crt"
	KeyPrivateKey   = "tls.key"
)

// Keys of a Secret that one type of server knows. They are Flagger's where Flagger has the type.
const (
	KeyDatadogAPI         = "datadog_api_key"
	KeyDatadogApplication = "datadog_application_key"
	KeyNewRelicAccount    = "newrelic_account_id"
	KeyNewRelicUser       = "newrelic_api_key"
	KeyNewRelicQuery      = "newrelic_query_key"
	KeyOrg                = "org"
	KeyDynatrace          = "dynatrace_token"
	KeyAWSAccess          = "aws_access_key_id"
	KeyAWSSecret          = "aws_secret_access_key"
	KeyAWSSession         = "aws_session_token"
	KeyProject            = "project"
	KeyServiceAccount     = "serviceAccountKey"
	KeySplunk             = "sf_token_key"
)

// usual are the keys for the usual ways of HTTP: OAuth2, a bearer token, basic authentication and a certificate.
var usual = [][]string{{KeyToken}, {KeyUsername, KeyPassword}, {KeyClientID, KeyClientSecret, KeyTokenURL}, {KeyCertificate, KeyPrivateKey}, {KeyCA}}

// certificates are the keys of TLS, which servers of every type know.
var certificates = []string{KeyCA, KeyCertificate, KeyPrivateKey}

// keys are the sets of keys of a Secret, one of which must be complete, by the type of the server.
var keys = map[string][][]string{
	v1alpha1.ProviderPrometheus:  append(slices.Clone(usual), []string{KeyAWSAccess, KeyAWSSecret}, []string{KeyServiceAccount}),
	v1alpha1.ProviderHTTP:        usual,
	v1alpha1.ProviderGraphite:    usual,
	v1alpha1.ProviderDatadog:     {{KeyDatadogAPI, KeyDatadogApplication}},
	v1alpha1.ProviderNewRelic:    {{KeyNewRelicAccount, KeyNewRelicUser}, {KeyNewRelicAccount, KeyNewRelicQuery}},
	v1alpha1.ProviderInfluxDB:    {{KeyToken, KeyOrg}},
	v1alpha1.ProviderDynatrace:   {{KeyDynatrace}},
	v1alpha1.ProviderCloudWatch:  {{KeyAWSAccess, KeyAWSSecret}},
	v1alpha1.ProviderStackdriver: {{KeyProject, KeyServiceAccount}},
	v1alpha1.ProviderSplunk:      {{KeySplunk}},
}

// optional are keys that may stand beside those.
var optional = append([]string{KeyScopes, KeyAWSSession}, certificates...)

// CredentialsOf takes what a server of a type uses out of a Secret's data. The problem says which keys are missing, in words that
// follow the Secret's name.
func CredentialsOf(kind string, data map[string][]byte) (credentials map[string]Secret, problem string) {
	for _, set := range keys[kind] {
		if slices.ContainsFunc(set, func(key string) bool { return len(data[key]) == 0 }) {
			continue
		}
		if credentials == nil {
			credentials = map[string]Secret{}
		}
		for _, key := range slices.Concat(set, optional) {
			if len(data[key]) > 0 {
				credentials[key] = Secret(strings.TrimRight(string(data[key]), "\r\n"))
			}
		}
	}
	if credentials == nil {
		return nil, fmt.Sprintf("lacks the keys that %s needs: %s", kind, setsOf(kind))
	}
	return credentials, ""
}

// setsOf lists the sets of keys of a type.
func setsOf(kind string) string {
	var sets []string
	for _, set := range keys[kind] {
		sets = append(sets, strings.Join(set, " and "))
	}
	return strings.Join(sets, ", or ")
}

// Key returns a credential as text. Empty if there is none.
func (s *Server) Key(name string) string { return string(s.Credentials[name]) }

// shown are keys whose values are no secrets.
var shown = []string{KeyUsername, KeyClientID, KeyTokenURL, KeyScopes, KeyCA, KeyCertificate, KeyNewRelicAccount, KeyOrg, KeyProject, KeyAWSAccess}

// Secrets returns the credentials that no message may have.
func (s *Server) Secrets() []string {
	var secrets []string
	for key, value := range s.Credentials {
		if !slices.Contains(shown, key) {
			secrets = append(secrets, string(value))
		}
	}
	return secrets
}

// Identity tells servers apart that are asked from other namespaces, or with other credentials or headers. It shows none of them.
func (s *Server) Identity() string {
	if s == nil {
		return ""
	}
	hash := sha256.New()
	add := func(texts ...string) {
		for _, text := range texts {
			_, _ = fmt.Fprintf(hash, "%d:%s", len(text), text)
		}
	}
	add(s.Namespace, s.Type, s.Address, s.Region, fmt.Sprint(s.InsecureSkipVerify))
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		add("header", name)
		add(s.Headers[name]...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Credentials)) {
		add("key", name, string(s.Credentials[name]))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
