// Package image packs a static program into an image archive, without a registry and without Docker.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// nonRoot is the user that images run as by default.
const nonRoot = "65532:65532"

// Write packs the program, which is built for Linux on this architecture, into an image of one layer and writes the archive.
// The same program gives the same bytes.
func Write(archive, reference, architecture, program string) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return fmt.Errorf("image reference %q: %w", reference, err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read the program of image %s: %w", reference, err)
	}
	img, err := build(content, "/"+filepath.Base(program), architecture)
	if err != nil {
		return fmt.Errorf("build image %s: %w", reference, err)
	}
	partial := archive + ".partial"
	if err := tarball.WriteToFile(partial, tag, img); err != nil {
		return fmt.Errorf("write image %s: %w", reference, err)
	}
	return os.Rename(partial, archive)
}

func build(program []byte, entrypoint, architecture string) (v1.Image, error) {
	files, err := layer(program, entrypoint)
	if err != nil {
		return nil, err
	}
	packed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithCompressionLevel(1))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, packed)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Config.Entrypoint = []string{entrypoint}
	file.Config.User = nonRoot
	file.Config.WorkingDir = "/"
	return mutate.ConfigFile(img, file)
}

// layer holds the program and an empty /tmp.
func layer(program []byte, entrypoint string) ([]byte, error) {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	for _, header := range []*tar.Header{
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: path.Clean(entrypoint)[1:], Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	} {
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	return files.Bytes(), w.Close()
}
