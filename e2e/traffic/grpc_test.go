package traffic

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type testService struct {
	grpc_testing.UnimplementedTestServiceServer
	call func(ctx context.Context) (*grpc_testing.SimpleResponse, error)
}

func (s testService) UnaryCall(ctx context.Context, _ *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	return s.call(ctx)
}

// callUntilAnswered serves gRPC on loopback and calls it until the first call has ended.
func callUntilAnswered(t *testing.T, options GRPCOptions, call func(ctx context.Context) (*grpc_testing.SimpleResponse, error)) Answer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(server, testService{call: call})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	options.Address, options.Rate = listener.Addr().String(), 100
	run, err := StartGRPC(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for run.Report().Total() == 0 {
		<-time.After(time.Millisecond)
	}
	return run.Stop().Answers[0]
}

func TestACallRecordsVersionHeadersAndBody(t *testing.T) {
	options := GRPCOptions{Host: "grpc.example.com", Header: map[string]string{"x-tester": "yes"}}
	got := callUntilAnswered(t, options, func(ctx context.Context) (*grpc_testing.SimpleResponse, error) {
		sent, _ := metadata.FromIncomingContext(ctx)
		if strings.Join(sent[":authority"], "") != "grpc.example.com" || strings.Join(sent["x-tester"], "") != "yes" {
			t.Errorf("got %v", sent)
		}
		return &grpc_testing.SimpleResponse{Payload: &grpc_testing.Payload{Body: []byte(`{"version":"v2"}`)}}, grpc.SetHeader(ctx, metadata.Pairs("x-version", "v2"))
	})
	if got.Failed() || got.Version != "v2" || got.Status != 200 || got.Header.Get("X-Version") != "v2" || got.Body == nil || got.Body.Version != "v2" {
		t.Errorf("got %+v", got)
	}
}

func TestCallsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		call func(ctx context.Context) (*grpc_testing.SimpleResponse, error)
		want int
	}{
		"the application fails": {func(context.Context) (*grpc_testing.SimpleResponse, error) {
			return nil, status.Error(codes.Internal, "no")
		}, 500},
		"nothing serves it": {func(context.Context) (*grpc_testing.SimpleResponse, error) {
			return nil, status.Error(codes.Unavailable, "no")
		}, 503},
		"it takes too long": {func(ctx context.Context) (*grpc_testing.SimpleResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := time.Minute
			if c.want == 0 {
				timeout = 250 * time.Millisecond
			}
			got := callUntilAnswered(t, GRPCOptions{Timeout: timeout}, c.call)
			if !got.Failed() || got.Status != c.want || got.Err == "" || got.Done.Before(got.Sent) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestBadGRPCOptionsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		options GRPCOptions
		want    string
	}{
		"no rate":              {GRPCOptions{Address: "127.0.0.1:80"}, "above 0"},
		"a negative timeout":   {GRPCOptions{Address: "127.0.0.1:80", Rate: 1, Timeout: -1}, "not be negative"},
		"an address elsewhere": {GRPCOptions{Address: "192.0.2.1:80", Rate: 1}, "192.0.2.1 is not"},
		"no address":           {GRPCOptions{Rate: 1}, "such as http://"},
	} {
		if _, err := StartGRPC(t.Context(), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, not %q", name, err, c.want)
		}
	}
}
