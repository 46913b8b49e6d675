package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// services are the names of Amazon's services in signatures, by the type of the server.
var services = map[string]string{v1alpha1.ProviderPrometheus: "aps", v1alpha1.ProviderCloudWatch: "monitoring"}

// signed signs requests for Amazon: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
type signed struct {
	server *analysis.Server
	next   http.RoundTripper
}

// RoundTrip signs a copy of the request with its body.
func (s signed) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, fmt.Errorf("read the query: %w", err)
		}
		_ = request.Body.Close()
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	hash := sha256.Sum256(body)
	if err := s.sign(request.Context(), request, hex.EncodeToString(hash[:])); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	return s.next.RoundTrip(request)
}

func (s signed) sign(ctx context.Context, request *http.Request, hash string) error {
	credentials := aws.Credentials{AccessKeyID: s.server.Key(analysis.KeyAWSAccess), SecretAccessKey: s.server.Key(analysis.KeyAWSSecret), SessionToken: s.server.Key(analysis.KeyAWSSession)}
	return v4.NewSigner().SignHTTP(ctx, credentials, request, hash, services[s.server.Type], s.server.Region, time.Now())
}
