package main

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"sluice.dev/sluice/e2e/sample/answer"
)

// dialed serves the app's gRPC on loopback and connects to it.
func dialed(t *testing.T, a *app) *grpc.ClientConn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := a.grpcServer()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func TestACallIsAnsweredWithVersionAndWhatItWasSent(t *testing.T) {
	connection := dialed(t, newApp(settings{version: "v2"}))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-sluice-canary", "main")
	var header metadata.MD
	response, err := grpc_testing.NewTestServiceClient(connection).UnaryCall(ctx, &grpc_testing.SimpleRequest{}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	var said answer.Answer
	if err := json.Unmarshal(response.GetPayload().GetBody(), &said); err != nil {
		t.Fatal(err)
	}
	if said.Version != "v2" || said.Headers["x-sluice-canary"] != "main" || strings.Join(header["x-version"], "") != "v2" {
		t.Errorf("got %+v with headers %v", said, header)
	}
}

func TestCallsFailAndAreCountedAsRequestsAre(t *testing.T) {
	for name, c := range map[string]struct {
		errorRate float64
		want      codes.Code
		series    string
	}{
		"all succeed": {0, codes.OK, `code="200"`},
		"all fail":    {1, codes.Internal, `code="500"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(settings{version: "v2", errorRate: c.errorRate})
			var header metadata.MD
			_, err := grpc_testing.NewTestServiceClient(dialed(t, a)).UnaryCall(t.Context(), &grpc_testing.SimpleRequest{}, grpc.Header(&header))
			if status.Code(err) != c.want || strings.Join(header["x-version"], "") != "v2" {
				t.Errorf("got %v with headers %v", err, header)
			}
			_, metrics, _ := get(t, a.handler(), "/metrics")
			if line := `http_requests_total{` + c.series + `,method="POST",path="/grpc.testing.TestService/UnaryCall"} 1`; !strings.Contains(metrics, line) {
				t.Errorf("the metrics lack %s", line)
			}
		})
	}
}

func TestTheHealthServiceSaysWhatHealthzSays(t *testing.T) {
	for name, c := range map[string]struct {
		settings settings
		want     grpc_health_v1.HealthCheckResponse_ServingStatus
	}{
		"ready":                    {settings{}, grpc_health_v1.HealthCheckResponse_SERVING},
		"never ready":              {settings{neverReady: true}, grpc_health_v1.HealthCheckResponse_NOT_SERVING},
		"failing calls matter not": {settings{errorRate: 1}, grpc_health_v1.HealthCheckResponse_SERVING},
	} {
		got, err := grpc_health_v1.NewHealthClient(dialed(t, newApp(c.settings))).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil || got.GetStatus() != c.want {
			t.Errorf("%s: got %v and %v", name, got, err)
		}
	}
}

func TestGRPCIsServedBesidesHTTPAndEndsWithIt(t *testing.T) {
	listeners := [2]net.Listener{}
	for i := range listeners {
		var err error
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	a := newApp(settings{version: "v1"})
	a.after = func(time.Duration) <-chan time.Time { return past() }
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, a, listeners[0], listeners[1]) }()
	connection, err := grpc.NewClient(listeners[1].Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := grpc_testing.NewTestServiceClient(connection).UnaryCall(t.Context(), &grpc_testing.SimpleRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	if got := code("http://" + listeners[0].Addr().String()); got != 200 {
		t.Errorf("HTTP answers %d", got)
	}
	terminate()
	if err := <-ended; err != nil {
		t.Errorf("ends with %v", err)
	}
}
