package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Manifest is the sample application: four replicas of version v1, a Service, and an HTTPRoute on the cluster's gateway.
// An empty strategy is the default one.
func Manifest(namespace string, annotations map[string]string, strategy string) string {
	var notes strings.Builder
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		fmt.Fprintf(&notes, "    %s: %q\n", key, annotations[key])
	}
	if strategy == "" {
		strategy = "RollingUpdate"
	}
	return strings.NewReplacer("$NAMESPACE", namespace, "$ANNOTATIONS\n", notes.String(), "$STRATEGY", strategy).Replace(template)
}

const template = `apiVersion: v1
kind: Namespace
metadata: {name: $NAMESPACE}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: podinfo
  namespace: $NAMESPACE
  annotations:
    example.com/team: shop
$ANNOTATIONS
spec:
  replicas: 4
  strategy: {type: $STRATEGY}
  selector: {matchLabels: {app: podinfo}}
  template:
    metadata:
      labels: {app: podinfo}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      containers:
        - name: podinfo
          image: sluice.dev/sample:dev
          imagePullPolicy: IfNotPresent
          env: [{name: VERSION, value: v1}]
          ports: [{containerPort: 8080, name: http}]
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: podinfo, namespace: $NAMESPACE}
spec:
  selector: {app: podinfo}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: podinfo, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [$NAMESPACE.example.com]
  rules:
    - filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-shop, value: "1"}]}}]
      backendRefs: [{name: podinfo, port: 80}]
`
