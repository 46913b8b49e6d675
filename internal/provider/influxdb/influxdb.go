// Package influxdb asks InfluxDB for the one value of a query in Flux. It makes one HTTP call of its own, whose answer is CSV: the official
// client would add a generated client of the whole API.
package influxdb

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// Provider asks servers of InfluxDB.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "InfluxDB" }

// Value returns the value of the one row: https://docs.influxdata.com/influxdb/v2/api/#operation/PostQuery
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	body, err := json.Marshal(map[string]any{"query": query.Expression, "type": "flux", "dialect": map[string]any{"header": true, "annotations": []string{"datatype"}}})
	if err != nil {
		return 0, fmt.Errorf("write the query: %w", err)
	}
	asked := web.Request{Method: http.MethodPost, Body: body, Header: map[string]string{"Content-Type": "application/json", "Accept": "application/csv"},
		URL: strings.TrimSuffix(query.Server.Address, "/") + "/api/v2/query?" + url.Values{"org": {query.Server.Key(analysis.KeyOrg)}}.Encode()}
	if token := query.Server.Key(analysis.KeyToken); token != "" {
		asked.Header["Authorization"] = "Token " + token
	}
	body, err = p.servers.Fetch(ctx, query.Server, asked)
	if err != nil {
		return 0, err
	}
	return read(string(body))
}

// numbers are the types of columns whose values are numbers.
var numbers = []string{"double", "long", "unsignedLong"}

// table is a part of an answer: the types and names of its columns, until the next such rows.
type table struct{ types, names []string }

// read reads annotated CSV: https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
func read(body string) (float64, error) {
	values, err := values(body)
	switch {
	case err != nil:
		return 0, err
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return 0, provider.ErrNoData
	case len(values) > 1:
		return 0, web.One(len(values), "aggregate them, such as with group() |> sum() or last()")
	}
	value, err := strconv.ParseFloat(values[0], 64)
	if err != nil {
		return 0, fmt.Errorf("the answer has %q where a number is expected: change the query so that it returns a number", values[0])
	}
	return value, nil
}

// values are those of all rows. An answer without rows is one line without text, not nothing at all.
func values(body string) ([]string, error) {
	if body == "" {
		return nil, errors.New("the server's answer is empty: check provider.address")
	}
	rows := csv.NewReader(strings.NewReader(body))
	rows.FieldsPerRecord = -1
	var values []string
	var now table
	for {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("the answer is no CSV (%w): check provider.address", err)
		case row[0] == "#datatype":
			now = table{types: row}
		case len(row) != len(now.types):
			return nil, errors.New("the answer is not the annotated CSV of InfluxDB: check provider.address, or update InfluxDB to version 2")
		case now.names == nil:
			now.names = row
		default:
			value, err := now.value(row)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
	}
}

// value is what a row has in the column _value.
func (t table) value(row []string) (string, error) {
	if at := slices.Index(t.names, "error"); at >= 0 {
		return "", errors.New("the server refuses the query: correct it: " + row[at])
	}
	at := slices.Index(t.names, "_value")
	switch {
	case at < 0:
		return "", errors.New("the answer has no column _value: keep it in the query")
	case !slices.Contains(numbers, t.types[at]):
		return "", fmt.Errorf("the answer has a %s where a number is expected: change the query so that it returns a number, such as with toFloat()", t.types[at])
	}
	return row[at], nil
}
