package main

import (
	"testing"

	"k8s.io/client-go/rest"

	"sluice.dev/sluice/config/process"
)

func TestTheLeaseIsHeldByThePod(t *testing.T) {
	settings := process.Default()
	settings.Namespace = "sluice-system"
	for text, c := range map[string]struct{ name, uid, holder string }{
		"a container that has crashed is the same holder": {"sluice-0", "1234", "sluice-0_1234"},
		"outside a pod, each process is another":          {"", "", ""},
		"a name may come again with another pod":          {"sluice-0", "", ""},
	} {
		t.Run(text, func(t *testing.T) {
			t.Setenv("POD_NAME", c.name)
			t.Setenv("POD_UID", c.uid)
			lease, err := leaseOf(&rest.Config{Host: "http://127.0.0.1"}, settings)
			if err != nil {
				t.Fatal(err)
			}
			holder := ""
			if lease != nil {
				holder = lease.Identity()
			}
			if holder != c.holder {
				t.Errorf("the holder is %q, want %q", holder, c.holder)
			}
		})
	}
}
