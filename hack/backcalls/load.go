package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// arrow leads from a file or room to another that it calls.
type arrow struct{ from, to string }

// calls holds the files and rooms of a folder, and how often each calls another.
type calls struct {
	places map[string]bool
	calls  map[arrow]int
}

const mode = packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo

// load reads the packages in a folder and below it. Use of a function as a value counts as a call, because tables of functions
// are called too.
func load(folder string) (*calls, error) {
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: folder}, "./...")
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", folder, err)
	}
	found := &calls{places: map[string]bool{}, calls: map[arrow]int{}}
	for _, pkg := range loaded {
		if len(pkg.Errors) > 0 {
			return nil, fmt.Errorf("load %s: %w", pkg.PkgPath, pkg.Errors[0])
		}
		for _, file := range pkg.GoFiles {
			found.places[place(folder, file)] = true
		}
		found.add(folder, pkg.Fset, pkg.TypesInfo.Uses)
	}
	return found, nil
}

func (c *calls) add(folder string, files *token.FileSet, uses map[*ast.Ident]types.Object) {
	for use, object := range uses {
		function, ok := object.(*types.Func)
		if !ok || !function.Pos().IsValid() {
			continue
		}
		from := place(folder, files.Position(use.Pos()).Filename)
		to := place(folder, files.Position(function.Origin().Pos()).Filename)
		if from != to && from != "" && to != "" {
			c.calls[arrow{from, to}]++
		}
	}
}

// place returns the room of a file below the folder, or the file itself if it is in no room. It returns an empty string for
// other files.
func place(folder, file string) string {
	path, err := filepath.Rel(folder, file)
	if err != nil || strings.HasPrefix(path, "..") {
		return ""
	}
	path = filepath.ToSlash(path)
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i+1]
	}
	return strings.TrimSuffix(path, ".go")
}
