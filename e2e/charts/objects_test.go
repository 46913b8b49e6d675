package charts

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEveryObjectIsRenderedOnce finds two templates that render the same object, of which the API server would keep the later
// one.
func TestEveryObjectIsRenderedOnce(t *testing.T) {
	for name := range settings(t) {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("testdata", name+".golden.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			seen := map[string]bool{}
			for documents := yaml.NewDecoder(file); ; {
				var object struct {
					Kind     string `yaml:"kind"`
					Metadata struct {
						Name      string `yaml:"name"`
						Namespace string `yaml:"namespace"`
					} `yaml:"metadata"`
				}
				err := documents.Decode(&object)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				key := fmt.Sprintf("%s %s/%s", object.Kind, object.Metadata.Namespace, object.Metadata.Name)
				if seen[key] {
					t.Errorf("%s is rendered twice", key)
				}
				seen[key] = true
			}
			if len(seen) < 10 {
				t.Errorf("only %d objects were found", len(seen))
			}
		})
	}
}
