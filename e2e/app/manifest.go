package app

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// Options describe an application. The zero Options are four replicas of version v1 called podinfo, a Service, and an HTTPRoute
// on the cluster's gateway for the host NAMESPACE.example.com.
type Options struct {
	// Name is the name of the Deployment, the Service and the HTTPRoute. Default podinfo. Applications with other names have the
	// host NAME.NAMESPACE.example.com.
	Name string
	// Annotations are those of the Deployment.
	Annotations map[string]string
	// Strategy is that of the Deployment. Default RollingUpdate.
	Strategy string
	// Replicas are those of the Deployment. Default 4.
	Replicas int
	// Env adds environment variables, such as UPSTREAM=http://gateway.gateway-system. VERSION=v1 is always there, first.
	Env []string
	// GRPC makes the application serve gRPC too, on port 9000 of the Service.
	GRPC bool
	// Resources makes each pod request 10m of CPU, which an autoscaler needs.
	Resources bool
	// NoRoute leaves out the HTTPRoute. NoService leaves out the Service too.
	NoRoute, NoService bool
}

func (o Options) name() string {
	if o.Name == "" {
		return Name
	}
	return o.Name
}

// host returns the host name of an application at the gateway.
func host(namespace, name string) string {
	if name == Name {
		return namespace + ".example.com"
	}
	return name + "." + namespace + ".example.com"
}

// Manifest returns the namespace and an application in it, as YAML.
func Manifest(namespace string, options Options) string {
	env := append([]string{"VERSION=v1"}, options.Env...)
	if options.GRPC {
		env = append(env, "GRPC_PORT=9000")
	}
	values := struct {
		Options
		Name, Namespace, Host string
		Notes, Env            []string
	}{Options: options, Name: options.name(), Namespace: namespace, Host: host(namespace, options.name())}
	if values.Strategy == "" {
		values.Strategy = "RollingUpdate"
	}
	if values.Replicas == 0 {
		values.Replicas = 4
	}
	for _, key := range slices.Sorted(maps.Keys(options.Annotations)) {
		values.Notes = append(values.Notes, fmt.Sprintf("%s: %q", key, options.Annotations[key]))
	}
	for _, setting := range env {
		name, value, _ := strings.Cut(setting, "=")
		values.Env = append(values.Env, fmt.Sprintf("{name: %s, value: %q}", name, value))
	}
	var out bytes.Buffer
	// The template is a constant, and the values fit it.
	_ = application.Execute(&out, values)
	return out.String()
}

var application = template.Must(template.New("application").Parse(`apiVersion: v1
kind: Namespace
metadata: {name: {{.Namespace}}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{.Name}}
  namespace: {{.Namespace}}
  annotations:
    example.com/team: shop
{{- range .Notes}}
    {{.}}
{{- end}}
spec:
  replicas: {{.Replicas}}
  strategy: {type: {{.Strategy}}}
  selector: {matchLabels: {app: {{.Name}}}}
  template:
    metadata:
      labels: {app: {{.Name}}}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      containers:
        - name: {{.Name}}
          image: sluice.dev/sample:dev
          imagePullPolicy: IfNotPresent
          env: [{{range $i, $e := .Env}}{{if $i}}, {{end}}{{$e}}{{end}}]
{{- if .Resources}}
          resources: {requests: {cpu: 10m}}
{{- end}}
          ports: [{containerPort: 8080, name: http}{{if .GRPC}}, {containerPort: 9000, name: grpc}{{end}}]
          # What is not ready says so; an answer that takes long on a machine with much to do is none of that.
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1, timeoutSeconds: 10}
{{- if not .NoService}}
---
apiVersion: v1
kind: Service
metadata: {name: {{.Name}}, namespace: {{.Namespace}}}
spec:
  selector: {app: {{.Name}}}
  ports:
    - {name: http, port: 80, targetPort: http}
{{- if .GRPC}}
    - {name: grpc, port: 9000, targetPort: grpc, appProtocol: kubernetes.io/h2c}
{{- end}}
{{- if not .NoRoute}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: {{.Name}}, namespace: {{.Namespace}}}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [{{.Host}}]
  rules:
    - filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-shop, value: "1"}]}}]
      backendRefs: [{name: {{.Name}}, port: 80}]
{{- end}}
{{- end}}
`))
