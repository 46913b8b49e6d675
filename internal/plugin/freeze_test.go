package plugin

import (
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestFreezeFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags freezing
		args  []string
		want  string // name, namespaces and end
		wrong string
	}{
		"a namespace":         {freezing{mode: "Pause", reason: "x"}, nil, "stop-shop [shop] -", ""},
		"the cluster":         {freezing{mode: "Pause", reason: "x", everything: true}, nil, "stop [] -", ""},
		"a name":              {freezing{mode: "Start", reason: "x", everything: true}, []string{"xmas"}, "xmas [] -", ""},
		"for a while":         {freezing{mode: "Pause", reason: "x", lasts: span(time.Hour)}, nil, "stop-shop [shop] 2026-01-01T13:00:00Z", ""},
		"until a time":        {freezing{mode: "Pause", reason: "x", until: "2026-01-02T00:00:00+01:00"}, nil, "stop-shop [shop] 2026-01-01T23:00:00Z", ""},
		"no reason":           {freezing{mode: "Pause"}, nil, "", "--reason is required"},
		"a mode that is none": {freezing{mode: "Off", reason: "x"}, nil, "", "--mode Off: must be Pause or Start"},
		"a time that is over": {freezing{mode: "Pause", reason: "x", until: "2025-01-01T00:00:00Z"}, nil, "", "must be a time in the future"},
		"two ends":            {freezing{mode: "Pause", reason: "x", until: "2027-01-01T00:00:00Z", lasts: span(time.Hour)}, nil, "", "--for and --until cannot be used together"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := c.flags.make(c.args, "shop", now)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := made.Name + " [" + strings.Join(made.Spec.Namespaces, " ") + "] " + due(made.Spec.Until); got != c.want {
				t.Errorf("got %s, not %s", got, c.want)
			}
		})
	}
}

func TestFreezesTable(t *testing.T) {
	always := v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: "stop"}, Spec: v1alpha1.FreezeSpec{Reason: "outage", Mode: v1alpha1.FreezePause, Stamp: stamp("olga")}}
	weekend := v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: "weekend"}, Spec: v1alpha1.FreezeSpec{Reason: "nobody is there", Namespaces: []string{"pay", "shop"},
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "front"}}, Schedule: "0 18 * * FRI", Duration: &metav1.Duration{Duration: 62 * time.Hour}, TimeZone: "Europe/Berlin"}}
	golden(t, "freezes", func(w io.Writer) error { return writeFreezes(w, []v1alpha1.Freeze{always, weekend}, now) })
}
