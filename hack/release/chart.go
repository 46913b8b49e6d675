package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// chart packages the chart with the version of the release.
func (r *release) chart(ctx context.Context) error {
	helm := exec.CommandContext(ctx, r.helm, "package", "charts/sluice", "--destination", r.out,
		"--version", r.version.String(), "--app-version", "v"+r.version.String())
	if out, err := helm.CombinedOutput(); err != nil {
		return fmt.Errorf("package the chart: %w\n%s", err, out)
	}
	path := r.name("sluice-%s.tgz", r.version)
	packed, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the packaged chart: %w", err)
	}
	dated, err := r.dated(packed)
	if err != nil {
		return fmt.Errorf("date the packaged chart: %w", err)
	}
	return os.WriteFile(path, dated, 0o644)
}

// dated rewrites an archive so that all its files have the date of the release. Helm sets the time of packaging.
func (r *release) dated(packed []byte) ([]byte, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var result bytes.Buffer
	compressed := gzip.NewWriter(&result)
	writer := tar.NewWriter(compressed)
	for reader := tar.NewReader(unpacked); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		header.ModTime = r.date
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := io.Copy(writer, reader); err != nil {
			return nil, err
		}
	}
	err = errors.Join(writer.Close(), compressed.Close())
	return result.Bytes(), err
}
