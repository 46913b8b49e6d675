package plugin

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/internal/analysis/presets"
)

func TestPresetsAreListedAndShown(t *testing.T) {
	golden(t, "presets", func(w io.Writer) error { return writePresets(w, presets.All()) })
	for _, p := range presets.All() {
		golden(t, "preset "+p.Name, func(w io.Writer) error { return writePreset(w, p) })
	}
}

func TestPresetsByName(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"one":             {[]string{"presets", "linkerd"}, "response_total"},
		"one that is not": {[]string{"presets", "trafik"}, `there is no preset "trafik": choose one of app, aws-alb`},
		"all":             {[]string{"presets"}, "only by its name"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			root := NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
			root.SetArgs(c.args)
			if err := root.Execute(); err != nil {
				out.WriteString(err.Error())
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("says %s", out.String())
			}
		})
	}
}
