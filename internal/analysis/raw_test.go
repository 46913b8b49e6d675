package analysis

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
)

var rawTarget = Target{Namespace: "shop", Service: "podinfo-canary", Workload: "podinfo-canary", Ports: []int32{80, 9898}, Primary: "podinfo", PrimaryService: "podinfo"}

// others are the series of an app's other conventions.
const others = "http_server_request_duration_seconds_count|http_server_request_duration_seconds_bucket|http_server_request_duration_seconds|" +
	"http_server_duration_milliseconds_count|http_server_duration_milliseconds_bucket|http_server_duration_milliseconds|" +
	"rpc_server_duration_milliseconds_count|rpc_server_duration_milliseconds_bucket|rpc_server_duration_milliseconds|" +
	"grpc_server_handled_total|grpc_server_handling_seconds_bucket|grpc_server_handling_seconds"

func TestOneQueryReadsTheCountersOfBothVersions(t *testing.T) {
	app := `{__name__=~"http_requests_total|http_request_duration_seconds_bucket|http_request_duration_seconds|` + others + `|up",` +
		`pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}|podinfo-[0-9a-z]+-[0-9a-z]{5}",namespace="shop"}[12500ms]`
	for preset, want := range map[config.Preset]string{
		"traefik": `{__name__=~"traefik_service_requests_total|traefik_service_request_duration_seconds_bucket|traefik_service_request_duration_seconds",` +
			`service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway|` +
			`(shop-podinfo-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-[0-9]+)@kubernetesgateway"}[12500ms]`,
		"istio": `{__name__=~"istio_requests_total|istio_request_duration_milliseconds_bucket|istio_request_duration_milliseconds",` +
			`destination_workload=~"podinfo-canary|podinfo",reporter=~"source|waypoint",destination_workload_namespace="shop"}[12500ms]`,
		"app": app, "envoy-gateway": app,
	} {
		raw, known := RawFor(preset, rawTarget)
		if got := raw.Query(12500 * time.Millisecond); !known || got.Expression != want || got.Metric != Counters {
			t.Errorf("%s asks %s", preset, got.Expression)
		}
	}
	if _, known := RawFor("none", rawTarget); known {
		t.Error("a preset that does not exist is known")
	}
}

func TestAControlIsAThirdArm(t *testing.T) {
	target := rawTarget
	target.Control, target.ControlService = "podinfo-baseline", "podinfo-baseline"
	for preset, c := range map[config.Preset]struct{ label, asks, canary, control, primary string }{
		"traefik": {"service", "(shop-podinfo-baseline-", "shop-podinfo-canary-http-80@kubernetesgateway", "shop-podinfo-baseline-80@kubernetesgateway", "shop-podinfo-80@kubernetesgateway"},
		"istio":   {"destination_workload", "|podinfo|podinfo-baseline", "podinfo-canary", "podinfo-baseline", "podinfo"},
		"app":     {"pod", "|podinfo-baseline-[0-9a-z]+-", "podinfo-canary-7c9e41d2ab-x7k2p", "podinfo-baseline-7c9e41d2ab-x7k2p", "podinfo-7c9e41d2ab-x7k2p"},
	} {
		raw, _ := RawFor(preset, target)
		if got := raw.Query(time.Second).Expression; !strings.Contains(got, c.asks) {
			t.Errorf("%s asks %s", preset, got)
		}
		if strings.Contains(raw.History().Expression, "baseline") {
			t.Errorf("%s asks for the last hour of the control, too", preset)
		}
		for value, want := range map[string]Arm{c.canary: ArmCanary, c.control: ArmControl, c.primary: ArmPrimary, "other": ArmNone} {
			if got := raw.ArmOf(map[string]string{c.label: value}); got != want {
				t.Errorf("%s takes %s for arm %d", preset, value, got)
			}
		}
	}
}

func TestOneQueryReadsThePrimarysLastHour(t *testing.T) {
	for preset, want := range map[config.Preset]string{
		"app": `(sum by (__name__,code,http_response_status_code,http_status_code,rpc_grpc_status_code,grpc_code,le,instance,job,namespace,pod) ` +
			`({__name__=~"http_requests_total|http_request_duration_seconds_bucket|http_request_duration_seconds|` + others + `",` +
			`pod=~"podinfo-[0-9a-z]+-[0-9a-z]{5}",namespace="shop"}))[3600s:60s]`,
		"istio": `(sum by (__name__,response_code,grpc_response_status,le,instance,job,namespace,pod,destination_workload) ({__name__=~"istio_requests_total|istio_request_duration_milliseconds_bucket|` +
			`istio_request_duration_milliseconds",destination_workload=~"podinfo",reporter=~"source|waypoint",destination_workload_namespace="shop"}))[3600s:60s]`,
	} {
		raw, _ := RawFor(preset, rawTarget)
		if got := raw.History(); got.Expression != want || got.Metric != Counters {
			t.Errorf("%s asks %s", preset, got.Expression)
		}
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	target := rawTarget
	target.Namespace, target.Workload, target.Service = `s"}) or vector(1) #`, `a.b"|.*`, `c\`
	for preset, want := range map[config.Preset]string{
		"app":     `"a\\.b\"\\|\\.\\*-[0-9a-z]+-[0-9a-z]{5}|podinfo-[0-9a-z]+-[0-9a-z]{5}",namespace="s\"}) or vector(1) #"}[1ms]`,
		"istio":   `=~"a\\.b\"\\|\\.\\*|podinfo",reporter=~"source|waypoint",destination_workload_namespace="s\"}) or vector(1) #"}[1ms]`,
		"traefik": `"(s\"\\}\\) or vector\\(1\\) #-c\\\\-([a-z0-9]+-)?(80|9898)|`,
	} {
		raw, _ := RawFor(preset, target)
		if got := raw.Query(0).Expression; !strings.Contains(got, want) {
			t.Errorf("%s asks %s", preset, got)
		}
	}
}

// TestFitsIsThePattern changes good values a little.
func TestFitsIsThePattern(t *testing.T) {
	good := []string{"podinfo-canary-7d9c-abcde", "podinfo-7d9c-abcde", "podinfo", "podinfo-canary", "shop-podinfo-canary-http-9898@kubernetesgateway", "shop-podinfo-80@kubernetesgateway",
		"httproute-shop-podinfo-web-svc-shop-podinfo-canary-0@kubernetesgateway", "httproute-x-svc-shop-podinfo-12@kubernetesgateway",
		"service/shop/podinfo-canary/80/http", "service/shop/podinfo/9898/http", "kube_shop_podinfo-canary_80", "kube_shop_podinfo_9898", "shop_podinfo-canary_80", "shop_podinfo_7",
		"shop/cilium-gateway-a/shop:podinfo-canary:80", "shop:podinfo:9898"}
	parts := []string{"podinfo", "-canary", "-", "shop-", "-svc", "-svc-", "http", "80", "9898", "7", "x", "@kubernetesgateway", ".", "é", "\n", "A", "/", "_", ":", "kube_", ""}
	random := rand.New(rand.NewPCG(1, 2))
	portless := rawTarget
	portless.Ports = nil
	for name, p := range known {
		fitting := 0
		for _, target := range []Target{rawTarget, rawTarget.primary(), portless} {
			pattern := regexp.MustCompile("(?s)^(?:" + p.form.pattern(target) + ")$")
			for range 20_000 {
				value := good[random.IntN(len(good))]
				for range random.IntN(3) {
					at := random.IntN(len(value) + 1)
					value = value[:at] + parts[random.IntN(len(parts))] + value[min(len(value), at+random.IntN(4)):]
				}
				want := pattern.MatchString(value)
				if got := p.form.fits(target, value); got != want {
					t.Fatalf("%s: %q fits %s: %v", name, value, pattern, got)
				}
				if want {
					fitting++
				}
			}
		}
		if fitting < 500 {
			t.Errorf("%s: only %d values fit, so little is tried", name, fitting)
		}
	}
}

// TestManyPodsHaveAShorterHistory holds that an answer does not grow without end with the pods that count. Gateways are few.
func TestManyPodsHaveAShorterHistory(t *testing.T) {
	for _, c := range []struct {
		preset   config.Preset
		replicas int32
		want     string
	}{{config.PresetApp, 0, "[3600s:60s]"}, {config.PresetApp, 80, "[3600s:60s]"}, {config.PresetApp, 200, "[1440s:60s]"}, {config.PresetApp, 2000, "[600s:60s]"},
		{config.PresetTraefik, 2000, "[3600s:60s]"}} {
		many := rawTarget
		many.Replicas = c.replicas
		raw, _ := RawFor(c.preset, many)
		if got := raw.History().Expression; !strings.HasSuffix(got, c.want) {
			t.Errorf("%s, %d pods: %s", c.preset, c.replicas, got)
		}
	}
}
