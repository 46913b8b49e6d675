package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
)

func testRelease(t *testing.T) *release {
	t.Helper()
	return &release{version: semver.MustParse("v0.1.0"), date: time.Unix(1700000000, 0).UTC(), out: t.TempDir()}
}

// packed returns an archive as Helm would make it at this time.
func packed(t *testing.T, at time.Time) []byte {
	t.Helper()
	var result bytes.Buffer
	compressed := gzip.NewWriter(&result)
	compressed.ModTime = at
	writer := tar.NewWriter(compressed)
	content := []byte("name: sluice")
	if err := writer.WriteHeader(&tar.Header{Name: "sluice/Chart.yaml", Mode: 0o644, Size: int64(len(content)), ModTime: at}); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return result.Bytes()
}

func TestThePackagedChartDoesNotTellWhenItWasPackaged(t *testing.T) {
	r := testRelease(t)
	first, err := r.dated(packed(t, time.Unix(1800000000, 0)))
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.dated(packed(t, time.Unix(1800000060, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same chart gives two archives")
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	reader := tar.NewReader(unpacked)
	header, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil || string(content) != "name: sluice" || !header.ModTime.Equal(r.date) {
		t.Errorf("the archive holds %q of %s, %v", content, header.ModTime, err)
	}
	if _, err := r.dated([]byte("not an archive")); err == nil {
		t.Error("what is no archive must be an error")
	}
}

func TestTheBillOfMaterialsNamesWhatWasReplaced(t *testing.T) {
	r := testRelease(t)
	bom := r.materials(&debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "sluice.dev/sluice"}, Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
	}})
	content, err := json.Marshal(bom)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"pkg:golang/sluice.dev/sluice@v0.1.0", "pkg:golang/std@1.26.8", "pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/fork@v2.0.0"} {
		if !strings.Contains(string(content), url) {
			t.Errorf("%s is missing", url)
		}
	}
	if strings.Contains(string(content), "example.com/b@") {
		t.Error("a module is named that is not in the program")
	}
}

func TestChecksumsAreThoseOfTheFiles(t *testing.T) {
	r := testRelease(t)
	if err := os.WriteFile(filepath.Join(r.out, "a"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.checksums(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(r.out, "SHA256SUMS"))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"; err != nil || string(sums) != want {
		t.Errorf("%q, %v", sums, err)
	}
}

func TestTheVersionMustBeOne(t *testing.T) {
	cmd := command()
	cmd.SetArgs([]string{"--version=latest"})
	if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "semantic version") {
		t.Errorf("got %v", err)
	}
}

func TestThePluginIsReleasedForDesks(t *testing.T) {
	r := testRelease(t)
	for p, want := range map[platform]string{
		{"darwin", "arm64"}: "kubectl-sluice_darwin_arm64", {"windows", "amd64"}: "kubectl-sluice_windows_amd64.exe",
	} {
		if got := filepath.Base(r.program("kubectl-sluice", p)); got != want {
			t.Errorf("the program for %v is %s, not %s", p, got, want)
		}
		if !slices.Contains(systems["kubectl-sluice"], p.system) {
			t.Errorf("nothing is built for %s", p.system)
		}
	}
}
