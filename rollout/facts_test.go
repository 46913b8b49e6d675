package rollout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written are the fields of a tick that functions write. All others are facts.
var written = []string{"plan", "wanted", "returns", "loses", "vacant"}

// TestFactsAreNeverWritten completes what the types say: methods of Facts and of a tick have value receivers, and no
// function that takes a *tick writes a fact.
func TestFactsAreNeverWritten(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Body != nil {
				checkFunction(t, files, function)
			}
		}
	}
}

func checkFunction(t *testing.T, files *token.FileSet, function *ast.FuncDecl) {
	if function.Recv != nil {
		checkMethod(t, files, function)
		return
	}
	for _, param := range function.Type.Params.List {
		if pointed(param.Type) != "tick" || len(param.Names) == 0 {
			continue
		}
		ast.Inspect(function.Body, func(node ast.Node) bool {
			if assigned, is := node.(*ast.AssignStmt); is && assigned.Tok != token.DEFINE {
				for _, left := range assigned.Lhs {
					if field := fieldOf(left, param.Names[0].Name); field != "" && !slices.Contains(written, field) {
						t.Errorf("%s: %s writes the fact %s", files.Position(left.Pos()), function.Name.Name, field)
					}
				}
			}
			return true
		})
	}
}

// checkMethod fails if a method of Facts or of a tick has a pointer receiver, or if a method of a tick writes a field.
func checkMethod(t *testing.T, files *token.FileSet, method *ast.FuncDecl) {
	receiver := method.Recv.List[0]
	if kind := pointed(receiver.Type); kind == "tick" || kind == "Facts" {
		t.Errorf("%s: method %s can act: let it look at a copy, or be a function", files.Position(method.Pos()), method.Name.Name)
	}
	if kind, is := receiver.Type.(*ast.Ident); !is || kind.Name != "tick" || len(receiver.Names) == 0 {
		return
	}
	ast.Inspect(method.Body, func(node ast.Node) bool {
		if assigned, is := node.(*ast.AssignStmt); is && assigned.Tok != token.DEFINE {
			for _, left := range assigned.Lhs {
				if field := fieldOf(left, receiver.Names[0].Name); field != "" {
					t.Errorf("%s: method %s writes %s of a tick", files.Position(left.Pos()), method.Name.Name, field)
				}
			}
		}
		return true
	})
}

// pointed is the name of the type that a pointer type points to.
func pointed(of ast.Expr) string {
	if star, is := of.(*ast.StarExpr); is {
		if name, is := star.X.(*ast.Ident); is {
			return name.Name
		}
	}
	return ""
}

// fieldOf is the field of a variable with which an expression begins.
func fieldOf(of ast.Expr, variable string) string {
	switch e := of.(type) {
	case *ast.SelectorExpr:
		if name, is := e.X.(*ast.Ident); is && name.Name == variable {
			return e.Sel.Name
		}
		return fieldOf(e.X, variable)
	case *ast.IndexExpr:
		return fieldOf(e.X, variable)
	case *ast.StarExpr:
		return fieldOf(e.X, variable)
	}
	return ""
}
