package plugin

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatIsMigratedIsAccepted sends the result for a sample with every field of Flagger through the real CRDs and admission.
func TestWhatIsMigratedIsAccepted(t *testing.T) {
	dir := t.TempDir()
	for _, namespace := range []string{"test", "flagger"} {
		if out, err := shell(t, dir, "kubectl create namespace "+namespace); err != nil {
			t.Fatal(out)
		}
	}
	sample, err := filepath.Abs("../../internal/plugin/migrate/testdata/every-field.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell(t, dir, "kubectl sluice migrate -f "+sample+" 2>notes | kubectl apply --server-side -f -")
	if err != nil || strings.Count(out, "serverside-applied") != 7 || !strings.Contains(out, "metrictemplate.sluice.dev/datadog") || !strings.Contains(out, "canarypolicy.sluice.dev/podinfo") || !strings.Contains(out, "metrictemplate.sluice.dev/error-rate") {
		t.Errorf("%v\n%s", err, out)
	}
	// What has no effect is kept, and lint reports it as the notes do. It reports nothing else.
	out, err = shell(t, dir, "kubectl sluice migrate -f "+sample+" 2>notes | kubectl sluice lint -f -")
	inVain := []string{"spec.analysis.alerts: this release sends no alerts", "spec.analysis.webhooks[0].muteAlert: has no effect",
		"spec.service.match[0].name: has no effect", "spec.service.unmanagedMetadata: has no effect"}
	if err != nil || strings.Count(out, "\n") != len(inVain) {
		t.Errorf("what is written is not what lint wants: %v\n%s", err, out)
	}
	for _, warning := range inVain {
		if !strings.Contains(out, "warning: "+warning) {
			t.Errorf("no warning says %q:\n%s", warning, out)
		}
	}
}

// TestMigrateFromTheCluster reads Flagger's objects of one namespace and of all.
func TestMigrateFromTheCluster(t *testing.T) {
	m := newMove(t, "")
	for command, want := range map[string]string{
		"kubectl sluice migrate --from-cluster":            "kubectl annotate deployment podinfo -n shop sluice.dev/canary=true sluice.dev/policy=podinfo",
		"kubectl sluice migrate --from-cluster -A":         "name: podinfo\n  namespace: shop\n",
		"kubectl sluice migrate --from-cluster -n default": "Nothing was written: there is no Canary",
	} {
		out, err := shell(t, m.dir, command)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("$ %s\n%v\n%s", command, err, out)
		}
	}
}
