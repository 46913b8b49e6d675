package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
)

var loopback = outbound.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// answers is a transport that answers in one way.
type answers func() (*http.Response, error)

func (a answers) RoundTrip(*http.Request) (*http.Response, error) { return a() }

func answer(code int, header http.Header) *http.Response {
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader("{}"))}
}

func TestAServerThatFailsIsLeftAloneForLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, next := 0, answers(func() (*http.Response, error) { return nil, errors.New("connection refused") })
		g := &gate{next: answers(func() (*http.Response, error) { asked++; return next() })}
		request := httptest.NewRequest(http.MethodGet, "http://a", nil)
		send := func() error {
			response, err := g.RoundTrip(request)
			if err == nil {
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			return err
		}
		for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			before := asked
			_ = send()
			time.Sleep(wait*time.Second - time.Millisecond)
			if err := send(); asked != before+1 || err == nil || !strings.Contains(err.Error(), "connection refused; the server is asked again at ") {
				t.Fatalf("before %d s have passed, it is asked %d times: %v", wait, asked-before, err)
			}
			time.Sleep(time.Millisecond)
		}
		next = func() (*http.Response, error) { return answer(http.StatusOK, nil), nil }
		if err := send(); err != nil {
			t.Errorf("after that: %v", err)
		}
		next = func() (*http.Response, error) { return nil, context.Canceled }
		_ = send()
		next = func() (*http.Response, error) {
			return answer(http.StatusTooManyRequests, http.Header{"Retry-After": {"20"}}), nil
		}
		if err := send(); err != nil {
			t.Errorf("a request that was given up counts: %v", err)
		}
		time.Sleep(19 * time.Second)
		if err := send(); err == nil || !strings.Contains(err.Error(), "429 Too Many Requests; the server is asked again at") {
			t.Errorf("Retry-After: %v", err)
		}
		time.Sleep(time.Second)
		if err := send(); err != nil {
			t.Error(err)
		}
	})
}

func TestHowLongAServerAsksToWait(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"seconds":        {"Retry-After", "7", 7 * time.Second},
		"a time":         {"Retry-After", "Fri, 02 Jan 2026 12:00:09 GMT", 9 * time.Second},
		"a time gone by": {"Retry-After", "Fri, 02 Jan 2026 11:00:00 GMT", 0},
		"of Datadog":     {"X-RateLimit-Reset", "5", 5 * time.Second},
		"nonsense":       {"Retry-After", "-7", 0},
		"nothing":        {"Date", "Fri, 02 Jan 2026 12:00:09 GMT", 0},
	} {
		if got := asked(http.Header{http.CanonicalHeaderKey(c.header): {c.value}}, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// get asks a server with credentials. They are the keys of a Secret.
func get(t *testing.T, c *Client, server analysis.Server, credentials map[string]string) (string, error) {
	t.Helper()
	server.Credentials = map[string]analysis.Secret{}
	for key, value := range credentials {
		server.Credentials[key] = analysis.Secret(value)
	}
	body, err := c.Fetch(t.Context(), &server, Request{URL: server.Address})
	return string(body), err
}

func TestCredentials(t *testing.T) {
	var tokens atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			tokens.Add(1)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"made","token_type":"Bearer","expires_in":3600}`)
		case "/refuse":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "hidden")
		case "/away":
			http.Redirect(w, r, "http://127.0.0.2:1/", http.StatusTemporaryRedirect)
		default:
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(s.Close)
	oauth := func(path string) map[string]string {
		return map[string]string{"client_id": "a", "client_secret": "hidden", "token_url": s.URL + path, "scopes": "read all"}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	google, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "a@b", "token_uri": s.URL + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))})
	if err != nil {
		t.Fatal(err)
	}
	c := New(loopback)
	for name, row := range map[string]struct {
		credentials map[string]string
		want, says  string
	}{
		"none":                               {nil, "", ""},
		"a token":                            {map[string]string{"token": "t"}, "Bearer t", ""},
		"a password":                         {map[string]string{"username": "u", "password": "p"}, "Basic dTpw", ""},
		"OAuth2":                             {oauth("/token"), "Bearer made", ""},
		"OAuth2 that refuses":                {oauth("/refuse"), "", "the server of tokens refuses the credentials (401 Unauthorized)"},
		"OAuth2 that redirects":              {oauth("/away"), "", "the server of tokens redirects"},
		"a service account":                  {map[string]string{"serviceAccountKey": string(google)}, "Bearer made", ""},
		"Amazon's without a region":          {map[string]string{"aws_access_key_id": "a", "aws_secret_access_key": "b"}, "", "set provider.region"},
		"a file of the controller":           {map[string]string{"serviceAccountKey": `{"type":"external_account","token_uri":"x","credential_source":{"file":"/etc/passwd"}}`}, "", "not the JSON key of a Google service account"},
		"a certificate that is none":         {map[string]string{"tls.crt": "a", "tls.key": "b"}, "", "tls.crt and tls.key"},
		"a certificate authority of nothing": {map[string]string{"ca.crt": "a"}, "", "ca.crt"},
	} {
		got, err := get(t, c, analysis.Server{Address: s.URL + "/" + strings.ReplaceAll(name, " ", "-")}, row.credentials)
		if got != row.want || (err == nil) != (row.says == "") || err != nil && (!strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	before := tokens.Load()
	if _, err := get(t, c, analysis.Server{Address: s.URL + "/OAuth2"}, oauth("/token")); err != nil || tokens.Load() != before {
		t.Errorf("a token is asked for again, or %v", err)
	}
	for _, token := range []string{"old", "new"} {
		if got, err := get(t, c, analysis.Server{Address: s.URL}, map[string]string{"token": token}); err != nil || got != "Bearer "+token {
			t.Errorf("a Secret that has changed: %q, %v", got, err)
		}
	}
}

// own returns a certificate of a client, and its key, in PEM.
func own(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text}))
}

func TestBothSidesShowCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	certificate, key := own(t)
	for name, row := range map[string]struct {
		credentials map[string]string
		says        string
	}{
		"both":        {map[string]string{"ca.crt": ca, "tls.crt": certificate, "tls.key": key}, ""},
		"no own":      {map[string]string{"ca.crt": ca}, "certificate required"},
		"not trusted": {map[string]string{"tls.crt": certificate, "tls.key": key}, "unknown authority"},
	} {
		got, err := get(t, New(loopback), analysis.Server{Address: s.URL}, row.credentials)
		if (row.says == "") != (got == "hello") || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRedirectsInCirclesEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	t.Cleanup(s.Close)
	if _, err := get(t, New(loopback), analysis.Server{Address: s.URL}, nil); err == nil || !strings.Contains(err.Error(), "redirects in circles") {
		t.Error(err)
	}
}

func TestServersThatNobodyAsksAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(loopback)
		for _, address := range []string{"http://a", "http://b"} {
			if _, err := c.To(&analysis.Server{Address: address}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(8 * time.Minute)
		}
		if _, err := c.To(&analysis.Server{Address: "http://b"}); err != nil || len(c.servers) != 1 {
			t.Errorf("%d are kept; %v", len(c.servers), err)
		}
		if _, err := c.To(&analysis.Server{Address: "nowhere"}); err == nil {
			t.Error("no URL is taken for one")
		}
	})
}
