package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/openapi"
	ctrl "sigs.k8s.io/controller-runtime"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/charts"
)

// mostNamed is how many missing fields a message names.
const mostNamed = 5

// lacksFields returns an error that says what to do if CRDs of an earlier release are installed: the API server would drop the
// fields they lack from every status, and each tick would write them again. By default every authenticated user may read the
// served schemas. If that is forbidden, the check is skipped and the log says so.
func lacksFields(client openapi.Client) (wrong, away error) {
	definitions, err := charts.CRDs()
	if err != nil {
		return fmt.Errorf("look up Sluice's own CRDs: %w", err), nil
	}
	served, err := servedSchemas(client)
	var unanswered *url.Error
	switch {
	case errors.As(err, &unanswered):
		return nil, err
	case err != nil:
		ctrl.Log.WithName("setup").Info("cannot tell whether the CRDs of Sluice are from this release", "because", err.Error())
		return nil, nil
	}
	return lacking(definitions, served), nil
}

// lacking returns an error that names the fields of this release that the served schemas lack, or nil if they lack none.
func lacking(definitions []apiextensionsv1.CustomResourceDefinition, served map[string]map[string]any) error {
	var fields []string
	for _, definition := range definitions {
		kind := definition.Spec.Names.Kind
		for _, path := range charts.Lacking(definition, served[kind]) {
			fields = append(fields, kind+"."+path)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	named := strings.Join(fields[:min(len(fields), mostNamed)], ", ")
	if more := len(fields) - mostNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("the CRDs of Sluice in the cluster are from an earlier release and lack %s: apply charts/sluice/files/crds of this release (kubectl apply --server-side), "+
		"or install the chart with crds.install=true", named)
}

// servedSchemas returns the schemas that the cluster serves for Sluice's kinds, by kind, as JSON.
func servedSchemas(client openapi.Client) (map[string]map[string]any, error) {
	paths, err := client.Paths()
	if err != nil {
		return nil, fmt.Errorf("list the API descriptions of the API server: %w", err)
	}
	described, has := paths["apis/"+v1alpha1.GroupVersion.String()]
	if !has {
		return nil, fmt.Errorf("the API server does not describe %s", v1alpha1.GroupVersion)
	}
	content, err := described.Schema(runtime.ContentTypeJSON)
	if err != nil {
		return nil, fmt.Errorf("read the API description: %w", err)
	}
	var document struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("decode the API description: %w", err)
	}
	schemas := map[string]map[string]any{}
	for name, schema := range document.Components.Schemas {
		if _, is := schema["x-kubernetes-group-version-kind"]; is {
			schemas[name[strings.LastIndex(name, ".")+1:]] = schema
		}
	}
	return schemas, nil
}
