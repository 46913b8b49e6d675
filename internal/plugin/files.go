package plugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sluice.dev/sluice/internal/plugin/manifest"
)

// file is a file that was read. If it has a mistake, objects are those before it.
type file struct {
	name    string
	objects []manifest.Object
	mistake error
}

// isEmpty reports whether files have neither objects nor mistakes.
func isEmpty(files []file) bool {
	return !slices.ContainsFunc(files, func(f file) bool { return len(f.objects) > 0 || f.mistake != nil })
}

// extensions are the extensions of manifests in a directory.
var extensions = []string{".yaml", ".yml", ".json"}

// readFiles reads files, all manifests below directories, and stdin for -. It fails if a file cannot be read; mistakes in a
// file are in the result.
func readFiles(names []string, in io.Reader) ([]file, error) {
	if len(names) == 0 {
		return nil, errors.New("no manifests given: name them with -f FILE, -f DIRECTORY, or -f - for stdin")
	}
	var files []file
	for _, name := range names {
		paths, err := manifestsOf(name)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			read, err := readFile(path, in)
			if err != nil {
				return nil, err
			}
			files = append(files, read)
		}
	}
	return files, nil
}

// manifestsOf lists the files of a name.
func manifestsOf(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	var paths []string
	err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (path == name || slices.Contains(extensions, filepath.Ext(path))) {
			paths = append(paths, path)
		}
		return err
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s contains no .yaml, .yml or .json files", name)
	}
	return paths, err
}

func readFile(path string, in io.Reader) (file, error) {
	var content []byte
	var err error
	if path == "-" {
		path = "stdin"
		content, err = io.ReadAll(in)
	} else {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return file{}, err
	}
	read := file{name: path}
	read.objects, read.mistake = manifest.Parse(path, content)
	return read, nil
}
