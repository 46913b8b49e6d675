package admission

import (
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// TestARequestThatStaysInAManifest applies manifests with an abort in them. It stops its candidate once, and no newer one.
func TestARequestThatStaysInAManifest(t *testing.T) {
	for name, apply := range appliers {
		t.Run(name, func(t *testing.T) {
			c := running(t, apply)
			c.kubectl(manifest("podinfo:v2"), apply...)
			v2 := workload.Short(c.Candidate().Hash)
			aborting := func(image, value string) string {
				return strings.Replace(manifest(image), `{sluice.dev/canary: "true"}`, `{sluice.dev/canary: "true", sluice.dev/abort: "`+value+`"}`, 1)
			}
			c.kubectl(aborting("podinfo:v2", v2), apply...)
			c.expect("aborted in the manifest", "podinfo:v1", "podinfo:v2 aborted")
			c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationRetry+"=true")
			out := c.kubectl(aborting("podinfo:v2", v2), apply...)
			c.expect("the manifest again", "podinfo:v1", "podinfo:v2")
			if !strings.Contains(out, "sluice.dev/abort="+v2+" was in the manifest before and asks for nothing again") {
				t.Errorf("the manifest again says %s", out)
			}
			c.kubectl(aborting("podinfo:v3", v2), apply...)
			c.expect("a newer template", "podinfo:v1", "podinfo:v3")
			c.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationAbort+"=true")
			c.expect("aborted by hand", "podinfo:v1", "podinfo:v3 aborted")
			if name == "server-side" {
				// kubectl annotate owns the annotation now.
				apply = append(slices.Clone(apply), "--force-conflicts")
			}
			out = c.kubectl(aborting("podinfo:v4", "7c9e41d2"), apply...)
			c.expect("another hash", "podinfo:v1", "podinfo:v4")
			out += c.kubectl(aborting("podinfo:v5", "7c9e41d3"), apply...)
			c.expect("another one, in flight", "podinfo:v1", "podinfo:v5")
			if !strings.Contains(out, "sluice.dev/abort=7c9e41d3 is not the candidate, which is ") {
				t.Errorf("another hash says %s", out)
			}
		})
	}
}
