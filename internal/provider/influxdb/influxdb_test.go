package influxdb

import (
	"net/http"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

// TestAnswers plays those of https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
func TestAnswers(t *testing.T) {
	const begin = "#datatype,string,long,dateTime:RFC3339,double\r\n,result,table,_time,_value\r\n"
	typed := func(kind, value string) string {
		return "#datatype,string,long," + kind + "\r\n,result,table,_value\r\n,_result,0," + value + "\r\n\r\n"
	}
	battery.Kind{
		New:    func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderInfluxDB, Credentials: map[string]analysis.Secret{analysis.KeyToken: "hidden-token", analysis.KeyOrg: "shop floor"}},
		Query:  `from(bucket: "shop") |> range(start: -1m) |> filter(fn: (r) => r.app == "podinfo-canary") |> mean()`,
		Asked: func(t *testing.T, r *http.Request, body string) {
			if r.Method != http.MethodPost || r.URL.String() != "/api/v2/query?org=shop+floor" || r.Header.Get("Authorization") != "Token hidden-token" ||
				!strings.Contains(body, `"annotations":["datatype"]`) || !strings.Contains(body, `r.app == \"podinfo-canary\"`) {
				t.Errorf("got %s %v %s", r.URL, r.Header, body)
			}
		},
		Answer:   begin + ",_result,0,2026-01-02T12:00:00Z,%s\r\n\r\n",
		Texts:    true,
		NoNumber: []string{"+Inf", "-Inf", "12.5a"},
		Empty:    []string{"\r\n", begin, begin + ",_result,0,2026-01-02T12:00:00Z,\r\n"},
		Several:  []string{begin + ",_result,0,2026-01-02T12:00:00Z,1\r\n,_result,0,2026-01-02T12:00:00Z,2\r\n", typed("double", "1") + typed("long", "2")},
		Says: map[string]string{
			typed("string", "12.5"):           "a string where a number is expected",
			typed("dateTime:RFC3339", "2026"): "where a number is expected",
			typed("double", "1") + "#datatype,string,string\r\n,error,reference\r\n,failed to execute query,897\r\n": "correct it: failed to execute query",
			"#datatype,string,long,double\r\n,result,table,rate\r\n,_result,0,1\r\n":                                 "no column _value",
			"result,table,_value\r\n_result,0,1\r\n":                                                                 "not the annotated CSV",
			"#datatype,string,long,double\r\n,result,table,_value\r\n,_result,\"0,1":                                 "no CSV",
		},
	}.Run(t)
}

func TestEveryTypeOfNumberIsRead(t *testing.T) {
	for _, kind := range numbers {
		got, err := read("#datatype,string,long," + kind + "\r\n,result,table,_value\r\n,_result,0,7\r\n")
		if err != nil || got != 7 {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
}
