package rollcall_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestComments: every package and every exported name says what it is for.
func TestComments(t *testing.T) {
	for _, p := range packages(t) {
		positions := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(positions, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		if len(files) == 0 {
			continue
		}
		documented, err := doc.NewFromFiles(positions, files, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		checkComments(t, positions, documented)
	}
}

func checkComments(t *testing.T, positions *token.FileSet, p *doc.Package) {
	if p.Doc == "" {
		t.Errorf("package %s has no comment", p.Name)
	}
	lacks := func(comment string, at ast.Node) {
		if comment == "" {
			t.Errorf("%s: an exported name without a comment", positions.Position(at.Pos()))
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, spec := range v.Decl.Specs {
				s := spec.(*ast.ValueSpec)
				if s.Names[0].IsExported() {
					lacks(v.Doc+s.Doc.Text()+s.Comment.Text(), s)
				}
			}
		}
	}
	functions := func(list []*doc.Func) {
		for _, f := range list {
			lacks(f.Doc, f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions(p.Funcs)
	for _, typ := range p.Types {
		lacks(typ.Doc, typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		functions(typ.Funcs)
		functions(typ.Methods)
	}
}
