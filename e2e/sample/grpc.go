package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// grpcServer serves the standard health service and, as the application, the unary call of gRPC's own test service.
func (a *app) grpcServer() *grpc.Server {
	server := grpc.NewServer(grpc.UnaryInterceptor(a.intercept))
	grpc_health_v1.RegisterHealthServer(server, healthService{app: a})
	grpc_testing.RegisterTestServiceServer(server, testService{app: a})
	return server
}

// intercept adds the version to every answer, and makes the application's calls slow or fail like HTTP requests.
func (a *app) intercept(ctx context.Context, request any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := grpc.SetHeader(ctx, metadata.Pairs("x-version", a.version)); err != nil {
		return nil, err
	}
	if strings.HasPrefix(call.FullMethod, "/"+grpc_health_v1.Health_ServiceDesc.ServiceName+"/") {
		return next(ctx, request)
	}
	began := time.Now()
	response, err := a.slowly(ctx, request, next)
	code := strconv.Itoa(httpStatusOf(status.Code(err)))
	a.requests.WithLabelValues(code, http.MethodPost, call.FullMethod).Inc()
	a.duration.WithLabelValues(code, http.MethodPost).Observe(time.Since(began).Seconds())
	return response, err
}

func (a *app) slowly(ctx context.Context, request any, next grpc.UnaryHandler) (any, error) {
	if !a.wait(ctx, a.latency) {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if rand.Float64() < a.errorRate {
		return nil, status.Error(codes.Internal, "failing, as ERROR_RATE says")
	}
	return next(ctx, request)
}

// httpStatusOf returns the HTTP status for a call, so that the same metrics count calls and requests.
func httpStatusOf(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.Canceled:
		return clientGone
	case codes.Unimplemented:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}

type healthService struct {
	grpc_health_v1.UnimplementedHealthServer
	app *app
}

// Check reports what /healthz reports.
func (h healthService) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if !h.app.ready() {
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}, nil
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

type testService struct {
	grpc_testing.UnimplementedTestServiceServer
	app *app
}

// UnaryCall returns the same JSON as the answer to an HTTP request.
func (t testService) UnaryCall(ctx context.Context, _ *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	sent, _ := metadata.FromIncomingContext(ctx)
	header := http.Header{}
	for name, values := range sent {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	body, err := json.Marshal(t.app.answerTo(header))
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &grpc_testing.SimpleResponse{Payload: &grpc_testing.Payload{Body: body}}, nil
}
