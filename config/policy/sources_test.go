package policy

import "testing"

func TestIsPolicy(t *testing.T) {
	for source, want := range map[string]bool{
		"CanaryPolicy/standard": true, "ClusterCanaryPolicy/default": true,
		FromBuiltIn: false, "annotation sluice.dev/interval": false, "annotation CanaryPolicy/standard": false, "CanaryPolicy/": false, "": false,
	} {
		if got := IsPolicy(source); got != want {
			t.Errorf("IsPolicy(%q) is %t", source, got)
		}
	}
}
