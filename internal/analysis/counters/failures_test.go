package counters

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
)

// TestWhatMostFailuresHaveInCommon reads failed requests of the canary from the answer of a metrics server.
func TestWhatMostFailuresHaveInCommon(t *testing.T) {
	const pod = "podinfo-canary-7d9c-abcde"
	app := func(failed float64, others ...string) analysis.RawSeries {
		return analysis.RawSeries{Labels: labels("http_requests_total", append([]string{"pod", pod}, others...)...), Samples: []analysis.Point{{At: 1000, Value: 0}, {At: 2000, Value: failed}}}
	}
	traefik := func(failed float64, service string) analysis.RawSeries {
		return analysis.RawSeries{Labels: labels("traefik_service_requests_total", "code", "502", "service", service), Samples: []analysis.Point{{At: 1000, Value: 0}, {At: 2000, Value: failed}}}
	}
	var many []analysis.RawSeries
	for i := range mostKinds + 10 {
		many = append(many, app(1, "code", "500", "path", fmt.Sprint("/", i)))
	}
	for name, c := range map[string]struct {
		preset config.Preset
		series []analysis.RawSeries
		want   string
	}{
		"nothing fails":                          {"app", []analysis.RawSeries{app(10, "code", "200")}, ""},
		"one code":                               {"app", []analysis.RawSeries{app(10, "code", "503"), app(90, "code", "200")}, "status 503"},
		"most have one code":                     {"app", []analysis.RawSeries{app(10, "code", "503"), app(4, "code", "500")}, "status 503"},
		"no code has most":                       {"app", []analysis.RawSeries{app(5, "code", "503"), app(5, "code", "500")}, ""},
		"a code on a path of the app's":          {"app", []analysis.RawSeries{app(10, "code", "503", "path", "/pay"), app(4, "code", "503", "path", "/cart")}, `status 503 on route "/pay"`},
		"many paths with one code":               {"app", []analysis.RawSeries{app(5, "code", "503", "path", "/pay"), app(5, "code", "503", "path", "/cart")}, "status 503"},
		"a route of Traefik's":                   {"traefik", []analysis.RawSeries{traefik(3, "httproute-shop-podinfo-gw-web-svc-shop-podinfo-canary-1@kubernetesgateway")}, `status 502 on route "httproute-shop-podinfo-gw-web"`},
		"an older Traefik names no route":        {"traefik", []analysis.RawSeries{traefik(3, "shop-podinfo-canary-http-9898@kubernetesgateway")}, "status 502"},
		"more kinds than are told apart":         {"app", many, "status 500"},
		"a code that is none":                    {"app", []analysis.RawSeries{app(10, "code", "5\n\"")}, ""},
		"a path that is no text, and is long":    {"app", []analysis.RawSeries{app(10, "code", "500", "path", strings.Repeat("a", 99)+"\xc3\xa9\xff\"")}, `status 500 on route "` + strings.Repeat("a", 99) + `"`},
		"the primary's failures are not counted": {"app", []analysis.RawSeries{{Labels: labels("http_requests_total", "code", "500", "pod", "podinfo-7d9c-abcde"), Samples: []analysis.Point{{At: 1000}, {At: 2000, Value: 9}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.UnixMilli(1000)
			raw := rawOf(t, c.preset)
			primary := map[config.Preset]map[string]string{
				"app":     labels("http_requests_total", "code", "200", "pod", "podinfo-7d9c-abcde"),
				"traefik": labels("traefik_service_requests_total", "code", "200", "service", "shop-podinfo-http-9898@kubernetesgateway"),
			}[c.preset]
			answer := append([]analysis.RawSeries{{Labels: primary, Samples: []analysis.Point{{At: 1000}, {At: 2000, Value: 90}}}}, c.series...)
			poll := Poll{Now: began, Began: began, Series: Read(raw, answer)}
			state, _ := Advance(State{}, poll)
			poll.Now = time.UnixMilli(2000)
			_, result := Advance(state, poll)
			if got := result.Canary.MostFailed(); got != c.want || len(result.Canary.Failures) > mostKinds {
				t.Errorf("got %q, want %q, of %+v", got, c.want, result.Canary)
			}
		})
	}
}
