package admission

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// forged are records of alice, who has requested nothing. Their hashes are those of their templates.
func (c cluster) forged() map[string]string {
	c.T.Helper()
	evil := c.Deployment().Spec.Template
	evil.Spec.Containers[0].Image = "evil:v1"
	template := templateOf(c.T, evil)
	records := map[string]string{}
	for key, record := range map[string]interface{ Encode() (string, error) }{
		config.AnnotationCandidate: workload.Candidate{Hash: template.Hash(), Template: template, By: "alice"},
		config.AnnotationPrevious:  workload.Previous{Hash: template.Hash(), Template: template, Promoted: "x", By: "alice"},
		config.AnnotationDirect:    workload.Directs{{Hash: templateOf(c.T, c.Deployment().Spec.Template).KnownHash(), How: workload.DirectBypass, Reason: "CAB-4711", By: "alice"}},
		config.AnnotationLeftOut:   workload.LeftOut{By: "alice"},
	} {
		text, err := record.Encode()
		if err != nil {
			c.T.Fatal(err)
		}
		records[key] = text
	}
	return records
}

// annotateVia writes annotations through a subresource, or the object itself.
func (c cluster) annotateVia(subresource string, annotations map[string]string) (string, error) {
	c.T.Helper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		c.T.Fatal(err)
	}
	args := []string{"patch", "deployment", "podinfo", "--type=merge", "-p", string(patch)}
	if subresource != "" {
		args = append(args, "--subresource="+subresource)
	}
	return c.run("", args...)
}

// records are those that a Deployment has.
func (c cluster) records() (found []string) {
	annotations := c.Deployment().Annotations
	for _, key := range config.RecordKeys() {
		if value := annotations[key]; value != "" {
			found = append(found, key+"="+value)
		}
	}
	return found
}

// TestNobodyBringsRecords writes forged records in every way in which a user can write annotations.
func TestNobodyBringsRecords(t *testing.T) {
	optIn := func(c cluster, value string) {
		c.kubectl("", "annotate", "--overwrite", "deployment", "podinfo", config.AnnotationCanary+"="+value)
	}
	for name, prepare := range map[string]func(cluster){
		"opted in":     func(cluster) {},
		"not opted in": func(c cluster) { optIn(c, "false") },
		"in flight":    func(c cluster) { c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2") },
		"parked": func(c cluster) {
			c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
			optIn(c, "false")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t, appliers["client-side"])
			prepare(c)
			before := c.records()
			for key, value := range c.forged() {
				for _, subresource := range []string{"", "status"} {
					out, err := c.annotateVia(subresource, map[string]string{key: value})
					if err != nil {
						t.Fatalf("%s: %v\n%s", key, err, out)
					}
					if after := c.records(); fmt.Sprint(after) != fmt.Sprint(before) {
						t.Errorf("%s through %q leaves %s\nof %s", key, subresource, after, before)
					}
					if told := strings.Contains(out, "Warning: podinfo: "); told != (subresource != "" || strings.Contains(name, "not") || name == "parked") {
						t.Errorf("%s through %q says %s", key, subresource, out)
					}
				}
			}
		})
	}
}

// TestTheStatusIsNoWayIn writes through the status what only a write of the Deployment may.
func TestTheStatusIsNoWayIn(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	before := c.Deployment()
	for key, value := range map[string]string{config.AnnotationCanary: "false", config.AnnotationBypass: "x", config.AnnotationSkipAnalysis: "true",
		config.AnnotationPromote: c.Candidate().ID().String(), config.AnnotationAbort: "true"} {
		out, err := c.annotateVia("status", map[string]string{key: value})
		if want := "Warning: podinfo: " + key + " cannot be changed through status, so the annotations stay as they were"; err != nil || !strings.Contains(out, want) {
			t.Errorf("%s says %s (%v)", key, out, err)
		}
	}
	if out, err := c.run("", "patch", "deployment", "podinfo", "--type=json", "--subresource=status", "-p",
		`[{"op":"remove","path":"/metadata/annotations"}]`); err != nil || !strings.Contains(out, "cannot be changed through status") {
		t.Errorf("removing all says %s (%v)", out, err)
	}
	after := c.Deployment()
	for key := range before.Annotations {
		if strings.HasPrefix(key, config.Prefix) && after.Annotations[key] != before.Annotations[key] {
			t.Errorf("%s is %s, not %s", key, after.Annotations[key], before.Annotations[key])
		}
	}
	// A whole status brings a template as well, which the API server ignores.
	whole := after.DeepCopy()
	whole.Spec.Template.Spec.Containers[0].Image = "evil:v1"
	whole.Status.Replicas = 7
	if err := server.Client.Status().Update(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	c.expect("a template in the status", "podinfo:v1", "podinfo:v2")
	if c.Deployment().Status.Replicas != 7 {
		t.Error("the status did not go through")
	}
}

// TestStatusesCostNothing writes what the Deployment controller writes while a candidate is in flight.
func TestStatusesCostNothing(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	before := server.Calls.Load()
	for revision := range 3 {
		d := c.Deployment()
		d.Annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(revision)
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: "True", LastUpdateTime: metav1.Now()}}
		if err := server.Client.Status().Update(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	c.kubectl("", "scale", "deployment/podinfo", "--replicas=3")
	if calls := server.Calls.Load() - before; calls != 0 {
		t.Errorf("admission was called %d times", calls)
	}
}

// TestManyAnnotationsDoNotBlockTheStatus checks that the match conditions stay within what the API server lets them cost.
func TestManyAnnotationsDoNotBlockTheStatus(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	many := map[string]string{}
	for i := range 25_000 {
		many[fmt.Sprintf("a%06d", i)] = "1"
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": many}})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Client.Patch(t.Context(), c.Deployment(), client.RawPatch(types.MergePatchType, patch)); err != nil {
		t.Fatalf("%.500v", err)
	}
	if err := server.Client.Status().Patch(t.Context(), c.Deployment(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"replicas":5}}`))); err != nil {
		t.Errorf("%.500v", err)
	}
}

// TestABackupIsRestoredByWhoRestoresIt creates Deployments with records, as tools for backups do.
func TestABackupIsRestoredByWhoRestoresIt(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	held := c.Candidate().Hash
	var backup map[string]any
	if err := json.Unmarshal([]byte(c.kubectl("", "get", "deployment", "podinfo", "-o", "json")), &backup); err != nil {
		t.Fatal(err)
	}
	annotations := backup["metadata"].(map[string]any)["annotations"].(map[string]any)
	for key, value := range c.forged() {
		if key != config.AnnotationCandidate {
			annotations[key] = value
		}
	}
	annotations[config.AnnotationCandidate] = strings.NewReplacer(`"by":"jane"`, `"by":"alice","attempt":3,"retriedBy":"alice"`,
		c.Candidate().At.Format(time.RFC3339Nano), "1970-01-01T00:00:00Z").Replace(annotations[config.AnnotationCandidate].(string))
	text, _ := json.Marshal(backup)
	c.kubectl("", "delete", "deployment", "podinfo")
	out := c.kubectl(string(text), "create", "-f", "-")
	for _, want := range []string{"dropped sluice.dev/direct, sluice.dev/left-out, sluice.dev/previous: only Sluice itself writes these records",
		"candidate " + workload.Short(held) + " is held back as requested by jane, who brings it"} {
		if !strings.Contains(out, want) {
			t.Errorf("kubectl says %s, not %q", out, want)
		}
	}
	candidate := c.Candidate()
	if candidate.Hash != held || candidate.By != "jane" || time.Since(candidate.At) > time.Minute || candidate.Attempt != 0 || candidate.RetriedBy != "" || len(c.records()) != 1 {
		t.Errorf("the records are %s", c.records())
	}
	c.kubectl("", "delete", "deployment", "podinfo")
	c.kubectl(strings.ReplaceAll(string(text), `"sluice.dev/canary":"true"`, `"sluice.dev/canary":"false"`), "create", "-f", "-")
	if left := c.records(); len(left) > 0 {
		t.Errorf("one that is not opted in has %s", left)
	}
}

// TestAnOrderIsForOneDeployment sends an order for a Deployment that was replaced by another of its name.
func TestAnOrderIsForOneDeployment(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	order := func(uid types.UID) error {
		patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, uid, config.AnnotationPromote, c.Candidate().ID())
		return server.Reconciler.Patch(t.Context(), c.Deployment(), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
	if err := order("another"); err == nil || !strings.Contains(err.Error(), "metadata.uid") {
		t.Errorf("an order for another Deployment: %v", err)
	}
	c.expect("an order for another", "podinfo:v1", "podinfo:v2")
	if err := order(c.Deployment().UID); err != nil {
		t.Error(err)
	}
	c.expect("promoted", "podinfo:v2", "")
}
