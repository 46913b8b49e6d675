// Package constants reads the constants of a type from its source, so that a test of a table needs no second list of them.
package constants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"
)

// Of are the values of the constants of a string type, from the package in a directory.
func Of[T ~string](t testing.TB, directory, typeName string) []T {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(directory, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []T
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, is := node.(*ast.ValueSpec)
			if !is {
				return true
			}
			if of, is := spec.Type.(*ast.Ident); is && of.Name == typeName {
				values = append(values, valuesOf[T](t, spec)...)
			}
			return false
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants of type %s", directory, typeName)
	}
	return values
}

func valuesOf[T ~string](t testing.TB, spec *ast.ValueSpec) (values []T) {
	t.Helper()
	for _, value := range spec.Values {
		literal, is := value.(*ast.BasicLit)
		if !is {
			t.Fatalf("%s has no literal as its value", spec.Names[0])
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, T(text))
	}
	return values
}
