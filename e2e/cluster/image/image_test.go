package image

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"archive/tar"
	"io"
)

func TestTheImageRunsTheProgramAsNobodyAndIsTheSameEveryTime(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "hello")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	var archives [2][]byte
	for i, name := range []string{"a.tar", "b.tar"} {
		if err := Write(filepath.Join(dir, name), "sluice.dev/hello:dev", "arm64", program); err != nil {
			t.Fatal(err)
		}
		archives[i], _ = os.ReadFile(filepath.Join(dir, name))
	}
	if !bytes.Equal(archives[0], archives[1]) || len(archives[0]) == 0 {
		t.Error("the same program gives two archives")
	}
	img, err := tarball.ImageFromPath(filepath.Join(dir, "a.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/hello" || config.OS != "linux" || config.Architecture != "arm64" {
		t.Errorf("got %+v", config.Config)
	}
	files := map[string]string{}
	for reader := tar.NewReader(mutate.Extract(img)); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(reader)
		files[header.Name] = string(content)
	}
	if files["hello"] != "a program" || len(files) != 2 {
		t.Errorf("the image holds %v", files)
	}
}

func TestABadReferenceIsNamed(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "a.tar"), "NOT A REFERENCE", "amd64", "x"); err == nil {
		t.Error("it was taken")
	}
}
