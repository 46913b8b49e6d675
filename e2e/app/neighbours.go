package app

import "strings"

// Autoscaler returns a HorizontalPodAutoscaler, called NAME, from 2 to 6 replicas. The application needs Options.Resources.
func Autoscaler(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: $NAME, namespace: $NAMESPACE}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: $NAME}
  minReplicas: 2
  maxReplicas: 6
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 500}}}]
`)
}

// ScaledObject returns KEDA's autoscaler, called NAME, from 2 to 6 replicas. bin/cluster keda-crds installs its CRD. Nothing
// acts on it.
func ScaledObject(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: $NAME, namespace: $NAMESPACE}
spec:
  scaleTargetRef: {name: $NAME}
  minReplicaCount: 2
  maxReplicaCount: 6
  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "4"}}]
`)
}

// DisruptionBudget returns a PodDisruptionBudget, called NAME, that keeps three of four pods.
func DisruptionBudget(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: $NAME, namespace: $NAMESPACE}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: $NAME}}
`)
}

// NetworkPolicies returns two, called NAME and NAME-deny: pods accept connections to their ports only. The network of the local
// cluster does not enforce them.
func NetworkPolicies(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: $NAME, namespace: $NAMESPACE}
spec:
  podSelector: {matchLabels: {app: $NAME}}
  policyTypes: [Ingress]
  ingress: [{ports: [{port: 8080}, {port: 9000}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: $NAME-deny, namespace: $NAMESPACE}
spec:
  podSelector: {}
  policyTypes: [Ingress]
`)
}

// Class returns a GatewayClass and a Gateway in gateway-system, both with that name, of a controller that does not exist.
// App.Supports writes its status, with the supported features.
func Class(name string) string {
	return replaced("", name, `apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: $NAME}
spec: {controllerName: example.com/$NAME}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: $NAME, namespace: gateway-system}
spec:
  gatewayClassName: $NAME
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
`)
}

func replaced(namespace, name, manifest string) string {
	return strings.NewReplacer("$NAMESPACE", namespace, "$NAME", name).Replace(manifest)
}
