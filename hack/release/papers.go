package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials lists the modules that the controller's binary says it is built from.
func (r *release) billOfMaterials(context.Context) error {
	info, err := buildinfo.ReadFile(r.program(controller, platform{"linux", architectures[0]}))
	if err != nil {
		return fmt.Errorf("read the modules of the controller: %w", err)
	}
	file, err := os.Create(r.name("sluice.cdx.json"))
	if err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	defer func() { _ = file.Close() }()
	encoder := cyclonedx.NewBOMEncoder(file, cyclonedx.BOMFileFormatJSON)
	if err := encoder.SetPretty(true).Encode(r.materials(info)); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return file.Close()
}

func (r *release) materials(info *debug.BuildInfo) *cyclonedx.BOM {
	main := component(info.Main.Path, "v"+r.version.String())
	main.Type = cyclonedx.ComponentTypeApplication
	components := []cyclonedx.Component{component("std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, component(module.Path, module.Version))
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.date.Format(time.RFC3339), Component: &main}
	bom.Components = &components
	return bom
}

func component(path, version string) cyclonedx.Component {
	url := fmt.Sprintf("pkg:golang/%s@%s", path, version)
	return cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url}
}

// checksums runs last and lists every other file, in the format of sha256sum.
func (r *release) checksums(context.Context) error {
	files, err := os.ReadDir(r.out)
	if err != nil {
		return fmt.Errorf("list the files of the release: %w", err)
	}
	var sums strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(r.out, file.Name()))
		if err != nil {
			return fmt.Errorf("add %s to the checksums: %w", file.Name(), err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), file.Name())
	}
	return os.WriteFile(r.name("SHA256SUMS"), []byte(sums.String()), 0o644)
}
