package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"sluice.dev/sluice/internal/analysis"
)

// tokenTimeout is how long a server of tokens may take.
const tokenTimeout = 5 * time.Second

// encrypted returns the transport with the certificates of the Secret.
func (c *Client) encrypted(server *analysis.Server) (*http.Transport, error) {
	transport := c.verifying
	if server.InsecureSkipVerify {
		transport = c.insecure
	}
	ca, certificate := server.Key(analysis.KeyCA), server.Key(analysis.KeyCertificate)
	if ca == "" && certificate == "" {
		return transport, nil
	}
	transport = transport.Clone()
	if ca != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("the key ca.crt of the Secret has no certificate in PEM: correct it")
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	if certificate != "" {
		pair, err := tls.X509KeyPair([]byte(certificate), []byte(server.Key(analysis.KeyPrivateKey)))
		if err != nil {
			return nil, errors.New("the keys tls.crt and tls.key of the Secret are not a certificate and its private key in PEM: correct them")
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return transport, nil
}

// authorize adds the credentials that HTTP itself knows. A request that has its own Authorization keeps it.
func authorize(server *analysis.Server, next http.RoundTripper) (http.RoundTripper, error) {
	switch {
	case server.Key(analysis.KeyAWSAccess) != "" && server.Region == "":
		return nil, errors.New("requests with aws_access_key_id are signed for a region: set provider.region")
	case server.Key(analysis.KeyAWSAccess) != "":
		return signed{server, next}, nil
	case server.Key(analysis.KeyServiceAccount) != "":
		return google(server.Key(analysis.KeyServiceAccount), next)
	case server.Key(analysis.KeyClientID) != "":
		config := clientcredentials.Config{ClientID: server.Key(analysis.KeyClientID), ClientSecret: server.Key(analysis.KeyClientSecret),
			TokenURL: server.Key(analysis.KeyTokenURL), Scopes: strings.Fields(server.Key(analysis.KeyScopes))}
		return tokens{config.TokenSource(asking(next)), next}, nil
	case server.Key(analysis.KeyToken) != "":
		return header{"Bearer " + server.Key(analysis.KeyToken), next}, nil
	case server.Key(analysis.KeyUsername) != "":
		request := http.Request{Header: http.Header{}}
		request.SetBasicAuth(server.Key(analysis.KeyUsername), server.Key(analysis.KeyPassword))
		return header{request.Header.Get("Authorization"), next}, nil
	}
	return next, nil
}

// monitoringRead is the scope of Google's OAuth2 in which metrics can be read.
const monitoringRead = "https://www.googleapis.com/auth/monitoring.read"

// google exchanges the key of a service account for tokens. Other kinds of Google's credentials are refused: they may name files and
// programs of the controller's pod.
func google(text string, next http.RoundTripper) (http.RoundTripper, error) {
	var key struct {
		Type     string `json:"type"`
		Email    string `json:"client_email"`
		Private  string `json:"private_key"`
		ID       string `json:"private_key_id"`
		TokenURL string `json:"token_uri"`
	}
	if json.Unmarshal([]byte(text), &key) != nil || key.Type != "service_account" || key.TokenURL == "" {
		return nil, errors.New("the key serviceAccountKey of the Secret is not the JSON key of a Google service account: create one and put it there")
	}
	config := jwt.Config{Email: key.Email, PrivateKey: []byte(key.Private), PrivateKeyID: key.ID, TokenURL: key.TokenURL, Scopes: []string{monitoringRead}}
	return tokens{config.TokenSource(asking(next)), next}, nil
}

// asking is the context in which tokens are asked for: with the transport of users, and in limits.
func asking(next http.RoundTripper) context.Context {
	client := &http.Client{Transport: Limited{Next: next, Limit: OfValue}, Timeout: tokenTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the server of tokens redirects: set token_url to the URL that answers")
		}}
	return context.WithValue(context.Background(), oauth2.HTTPClient, client)
}

// tokens adds a token that is renewed before it ends.
type tokens struct {
	source oauth2.TokenSource
	next   http.RoundTripper
}

// RoundTrip gets the token first. The answer of the server of tokens is in no message: it may be a token.
func (t tokens) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := t.source.Token()
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return nil, errors.New("the server of tokens refuses the credentials (" + refused.Response.Status + "): check the keys of the Secret in provider.secretRef")
	case err != nil:
		return nil, errors.New("no token: " + err.Error())
	}
	return header{token.Type() + " " + token.AccessToken, t.next}.RoundTrip(request)
}

// header adds an Authorization.
type header struct {
	value string
	next  http.RoundTripper
}

// RoundTrip adds it to a copy of the request.
func (h header) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") == "" {
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", h.value)
	}
	return h.next.RoundTrip(request)
}
