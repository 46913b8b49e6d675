package admission

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/config"
)

// noise returns text that does not compress to less than half of its length.
func noise(t *testing.T, length int) string {
	t.Helper()
	content := make([]byte, length/2)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(content)
}

// manyVariables returns as many environment variables as 200 containers may have.
func manyVariables(containers int) []string {
	var env []string
	for i := range containers * 10 {
		env = append(env, fmt.Sprintf("VARIABLE_NUMBER_%d=value of variable %d", i, i))
	}
	return env
}

func TestHostileTemplates(t *testing.T) {
	for name, c := range map[string]struct {
		env   []string
		held  bool
		wrong string
	}{
		"env of 200 containers is held back":          {env: manyVariables(200), held: true},
		"300 KiB that compress are held back":         {env: []string{"A=" + strings.Repeat("0123456789", 30<<10)}, held: true},
		"300 KiB that do not compress are refused":    {env: []string{"A=" + noise(t, 300<<10)}, wrong: "too large to hold back"},
		"values with quotes, newlines and Unicode":    {env: []string{"A=\"'`$(rm -rf /)\n\u2028{{ .Values }} ✓"}, held: true},
		"10 MB are refused by the API server already": {env: []string{"A=" + noise(t, 10<<20)}, wrong: "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			c1 := running(t, appliers["server-side"])
			before := c1.Deployment()
			out, err := c1.run(manifest("podinfo:v2", c.env...), appliers["server-side"]...)
			if c.wrong != "" {
				if err == nil || !strings.Contains(out, c.wrong) {
					t.Errorf("kubectl says %.500s, not %q", out, c.wrong)
				}
				if c1.Deployment().ResourceVersion != before.ResourceVersion {
					t.Error("something was stored all the same")
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %.500s", err, out)
			}
			want := "podinfo:v2 " + strings.Join(c.env, " ")
			if c1.held() != want || c1.primary() != "podinfo:v1" {
				t.Errorf("held back is %.200q, not %.200q", c1.held(), want)
			}
			if err := c1.ask(config.AnnotationPromote, c1.Candidate().ID().String()); err != nil {
				t.Fatal(err)
			}
			if c1.primary() != want {
				t.Error("the promotion is not what was asked for")
			}
		})
	}
}

func TestForgedAnnotations(t *testing.T) {
	c := running(t, appliers["server-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	hash := c.Candidate().Hash
	before := c.Deployment()
	for _, key := range config.Reserved() {
		out, err := c.run("", "annotate", "deployment", "podinfo", key+"="+hash)
		if err == nil || !strings.Contains(out, "metadata.annotations["+key+"]: only Sluice itself may set it, not jane") {
			t.Errorf("annotate %s says %s", key, out)
		}
	}
	if c.Deployment().ResourceVersion != before.ResourceVersion {
		t.Error("something was stored all the same")
	}
	forged := strings.ReplaceAll(before.Annotations[config.AnnotationCandidate], "podinfo:v2", "evil:v1")
	c.kubectl("", "annotate", "--overwrite", "deployment", "podinfo", config.AnnotationCandidate+"="+forged)
	c.expect("forged candidate", "podinfo:v1", "podinfo:v2")
	for _, value := range []string{"\"'`", "line\nbreak", "Ünïcødé ✓", "{{ .Values }}", strings.Repeat("9", 5000)} {
		out, err := c.run("", "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/interval="+value)
		if err == nil || !strings.Contains(out, "metadata.annotations[sluice.dev/interval]") || !strings.Contains(out, "must be a duration") {
			t.Errorf("interval %.20q says %.300s", value, out)
		}
	}
	c.expect("afterwards", "podinfo:v1", "podinfo:v2")
}

func TestADeploymentFromABackupIsTakenUp(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	backup := c.kubectl("", "get", "deployment", "podinfo", "-o", "json")
	c.kubectl("", "delete", "deployment", "podinfo")
	c.kubectl(backup, "create", "-f", "-")
	c.expect("restored", "podinfo:v1", "podinfo:v2")
	c.kubectl("", "delete", "deployment", "podinfo")
	if out, err := c.run(strings.ReplaceAll(backup, "podinfo:v2", "evil:v1"), "create", "-f", "-"); err == nil || !strings.Contains(out, "does not match the template") {
		t.Errorf("a forged backup says %s", out)
	}
}
