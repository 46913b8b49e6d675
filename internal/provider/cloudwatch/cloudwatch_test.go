package cloudwatch

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

const query = `[{"Id": "e1", "Expression": "m1 / m2", "Label": "ErrorRate"},
  {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "MyKubernetesCluster", "MetricName": "ErrorCount"}, "Period": 60, "Stat": "Sum"}, "ReturnData": false}]`

// TestAnswers plays those of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func TestAnswers(t *testing.T) {
	const begin = `{"Messages":[],"MetricDataResults":[`
	battery.Kind{
		New: func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderCloudWatch, Region: "eu-west-1", Credentials: map[string]analysis.Secret{
			analysis.KeyAWSAccess: "AKID", analysis.KeyAWSSecret: "hidden-key", analysis.KeyAWSSession: "hidden-session"}},
		Query: query,
		Asked: func(t *testing.T, r *http.Request, body string) {
			var sent struct {
				MetricDataQueries  []map[string]any
				StartTime, EndTime int64
			}
			if err := json.Unmarshal([]byte(body), &sent); err != nil || len(sent.MetricDataQueries) != 2 || sent.EndTime-sent.StartTime != 600 {
				t.Errorf("got %s, %v", body, err)
			}
			by := r.Header.Get("Authorization")
			if !strings.HasPrefix(by, "AWS4-HMAC-SHA256 Credential=AKID/") || !strings.Contains(by, "/eu-west-1/monitoring/aws4_request, SignedHeaders=") || !strings.Contains(by, "x-amz-target") ||
				r.Header.Get("X-Amz-Security-Token") != "hidden-session" || r.Header.Get("X-Amz-Target") != "GraniteServiceVersion20100801.GetMetricData" {
				t.Errorf("got %v", r.Header)
			}
		},
		Answer:  begin + `{"Id":"e1","Label":"ErrorRate","StatusCode":"Complete","Timestamps":[1531434000,1531433700],"Values":[%s,1]}]}`,
		Empty:   []string{begin + `]}`, begin + `{"Id":"e1","StatusCode":"Complete","Timestamps":[],"Values":[]}]}`},
		Several: []string{begin + `{"Id":"e1","StatusCode":"Complete","Values":[1]},{"Id":"m1","StatusCode":"Complete","Values":[2]}]}`},
		Says: map[string]string{
			begin + `{"Id":"e1","StatusCode":"Forbidden","Values":[]}]}`:                                           "the query e1 could not be answered (Forbidden)",
			begin + `{"Id":"e1","StatusCode":"InternalError","Values":[1]}]}`:                                      "the query e1 could not be answered (InternalError)",
			`{"MetricDataResults":[{"Id":"e1","StatusCode":"Complete","Values":[1]}],"Messages":[{"Value":"no"}]}`: "could not answer the whole query: no",
		},
	}.Run(t)
}

func TestEndpoints(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "https://monitoring.eu-west-1.amazonaws.com", "cn-north-1": "https://monitoring.cn-north-1.amazonaws.com.cn"} {
		if got := endpoint(region); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
	p := New(web.New(battery.Loopback))
	for _, server := range []analysis.Server{{Region: ""}, {Region: "evil.test/#"}, {Region: "eu-west-1@evil"}} {
		if _, err := p.Value(t.Context(), analysis.Query{Expression: query, Server: &server}); err == nil || !strings.Contains(err.Error(), "no region of AWS") {
			t.Errorf("%s: %v", server.Region, err)
		}
	}
	if _, err := p.Value(t.Context(), analysis.Query{Expression: "m1", Server: &analysis.Server{Region: "us-gov-west-1"}}); err == nil || !strings.Contains(err.Error(), "not a list of metric data queries") {
		t.Error(err)
	}
}
