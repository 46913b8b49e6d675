package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// GRPCOptions describe the calls to make.
type GRPCOptions struct {
	// Address is such as 127.0.0.1:8080. It must be on this machine's loopback address.
	Address string
	// Host is the authority, by which gateways choose the route. Default: the address.
	Host string
	// Rate is the number of calls per second.
	Rate float64
	// Header is the metadata of every call.
	Header map[string]string
	// Timeout is the time limit of one call. The default is that of Options.
	Timeout time.Duration
}

// StartGRPC makes unary calls of gRPC's test service, which the sample application serves, as Start sends requests. A
// successful call has status 200. A call that the application or the gateway failed has status 500, or 503 if it was
// unavailable. Answers always have headers and a body.
func StartGRPC(ctx context.Context, options GRPCOptions) (*Run, error) {
	if err := checkPace(options.Rate, options.Timeout); err != nil {
		return nil, err
	}
	if err := onLoopback(ctx, "http://"+options.Address); err != nil {
		return nil, err
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{Control: dialLoopback}).DialContext(ctx, "tcp", address)
	}
	settings := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial)}
	if options.Host != "" {
		settings = append(settings, grpc.WithAuthority(options.Host))
	}
	connection, err := grpc.NewClient("passthrough:///"+options.Address, settings...)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", options.Address, err)
	}
	r := &Run{ask: grpcClient{options, grpc_testing.NewTestServiceClient(connection)}.ask}
	r.begin(ctx, options.Rate, func() { _ = connection.Close() })
	return r, nil
}

type grpcClient struct {
	options GRPCOptions
	service grpc_testing.TestServiceClient
}

func (c grpcClient) ask(ctx context.Context, _ int) Answer {
	a := Answer{Sent: time.Now(), URL: c.options.Address, Host: c.options.Host}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(c.options.Header))
	var received metadata.MD
	response, err := c.service.UnaryCall(ctx, &grpc_testing.SimpleRequest{}, grpc.Header(&received))
	a.Header = http.Header{}
	for name, values := range received {
		for _, value := range values {
			a.Header.Add(name, value)
		}
	}
	a.Version, a.Status = a.Header.Get(VersionHeader), statusOf(err)
	if err != nil {
		a.Err = err.Error()
		return a
	}
	a.Body = bodyOf(response.GetPayload().GetBody())
	return a
}

// statusOf returns the status of a request with the same outcome, or 0 for a call without an answer.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return 0
	case status.Code(err) == codes.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
