package admission

import (
	"strings"
	"testing"
)

// TestWhatTheAPIServerWouldRefuseIsRefusedInItsWords sends the same change to a Deployment that is opted in and to one that is
// not. kubectl must print the same.
func TestWhatTheAPIServerWouldRefuseIsRefusedInItsWords(t *testing.T) {
	from := func(old, replacement string) string {
		return strings.Replace(manifest("podinfo:v2"), old, replacement, 1)
	}
	const container = "        - name: app\n"
	changes := map[string]string{
		"labels against the selector": from("labels: {app: podinfo}", "labels: {app: podinfo2}"),
		"a mount without a volume":    from(container, container+"          volumeMounts: [{name: settings, mountPath: /etc/demo}]\n"),
		"a port out of range":         from(container, container+"          ports: [{containerPort: 70000}]\n"),
		"a port's name":               from(container, container+"          ports: [{containerPort: 80, name: a-name-of-a-port-that-is-too-long}]\n"),
		"a container's name":          from("name: app", "name: BAD_name"),
		"restartPolicy":               from("      containers:", "      restartPolicy: Never\n      containers:"),
		"no image":                    from("          image: podinfo:v2\n", ""),
		"an unknown probe":            from(container, container+"          livenessProbe: {periodSeconds: 3}\n"),
		"several":                     from(container, "        - name: BAD_name\n          volumeMounts: [{name: settings, mountPath: /etc/demo}]\n"),
	}
	for name, apply := range appliers {
		t.Run(name, func(t *testing.T) {
			held, plain := running(t, apply), newCluster(t)
			notOptedIn := strings.NewReplacer(`sluice.dev/canary: "true"`, `sluice.dev/canary: "false"`)
			plain.kubectl(notOptedIn.Replace(manifest("podinfo:v1")), apply...)
			for change, manifest := range changes {
				want, wrong := plain.run(notOptedIn.Replace(manifest), apply...)
				if wrong == nil {
					t.Fatalf("%s: the API server accepts it", change)
				}
				got, err := held.run(manifest, apply...)
				if err == nil || err.Error() != wrong.Error() || got != want {
					t.Errorf("%s: kubectl prints\n%s(%v), and for a Deployment that is not opted in\n%s(%v)", change, got, err, want, wrong)
				}
				held.expect(change, "podinfo:v1", "")
			}
		})
	}
}
