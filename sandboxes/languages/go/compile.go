// Command compile makes an executable of one Go file: `compile SOURCE EXECUTABLE`.
//
// It does what `go run` does before it runs, without looking for modules or packages again: the
// compiler and the linker are called with lists of the precompiled packages. The program's main
// function is given a name that nobody can know, in place, so that no line moves; a second file
// holds the main that hands it to the launcher.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const (
	folder   = "/forkeval/go"
	launcher = "forkeval/launcher"
)

var tools string // the folder of the compiler and the linker, set when this is built

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: compile SOURCE EXECUTABLE"))
	}
	source, executable := os.Args[1], os.Args[2]
	fail(os.Chdir(filepath.Dir(source)))
	text, err := os.ReadFile(source)
	fail(err)
	work, err := os.MkdirTemp("", "go")
	fail(err)
	files, packages := []string{"./" + filepath.Base(source)}, "program.cfg"
	// A program that is not fit to be launched is compiled as it stands, for the compiler to refuse.
	if renamed, name := rename(text); renamed != nil {
		start := filepath.Join(work, "start.go")
		fail(os.WriteFile(source, renamed, 0o600))
		fail(os.WriteFile(start, []byte(fmt.Sprintf(
			"package main\n\nimport launcher_%s %q\n\nfunc main() { launcher_%s.Run(%s) }\n",
			name, launcher, name, name)), 0o600))
		files, packages = append(files, start), "launcher.cfg"
	}
	object := filepath.Join(work, "main.a")
	arguments := []string{"-p", "main", "-complete", "-nolocalimports", "-pack", "-trimpath", work,
		"-importcfg", filepath.Join(folder, packages), "-o", object}
	run("compile", append(arguments, files...)...)
	// Without tables for debuggers; those that panics print lines from stay.
	run("link", "-s", "-w", "-buildmode", "exe", "-importcfg", filepath.Join(folder, "link.cfg"),
		"-o", executable, object)
	fail(os.RemoveAll(work))
}

// rename gives the main function, wherever the file names it, another name. It returns nil where
// there is no function that `go run` could run, or where the program means the launcher itself.
func rename(text []byte) ([]byte, string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "main.go", text, 0)
	if err != nil || file.Name.Name != "main" || bytes.Contains(text, []byte(launcher)) {
		return nil, ""
	}
	for _, imported := range file.Imports {
		path, err := strconv.Unquote(imported.Path.Value)
		if err != nil || strings.HasPrefix(path, "forkeval") {
			return nil, ""
		}
	}
	declared := file.Scope.Lookup("main")
	if declared == nil || declared.Kind != ast.Fun {
		return nil, ""
	}
	kind := declared.Decl.(*ast.FuncDecl)
	if kind.Body == nil || kind.Type.TypeParams != nil || kind.Type.Params.NumFields() > 0 ||
		kind.Type.Results.NumFields() > 0 {
		return nil, ""
	}
	var places []int
	keys := map[ast.Expr]bool{} // the parser takes a field's name in a literal for the function
	ast.Inspect(file, func(node ast.Node) bool {
		switch found := node.(type) {
		case *ast.KeyValueExpr:
			keys[found.Key] = true
		case *ast.Ident:
			if found.Obj == declared && !keys[found] {
				places = append(places, files.Position(found.Pos()).Offset)
			}
		}
		return true
	})
	sort.Ints(places)
	drawn := make([]byte, 16)
	_, err = rand.Read(drawn)
	fail(err)
	name := "main_" + hex.EncodeToString(drawn)
	var out []byte
	at := 0
	for _, place := range places {
		out = append(append(out, text[at:place]...), name...)
		at = place + len("main")
	}
	return append(out, text[at:]...), name
}

// run ends this process with the tool's status where that is not 0.
func run(tool string, arguments ...string) {
	command := exec.Command(filepath.Join(tools, tool), arguments...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		if command.ProcessState == nil || command.ProcessState.ExitCode() < 0 {
			fail(fmt.Errorf("%s: %w", tool, err))
		}
		os.Exit(command.ProcessState.ExitCode())
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(1)
	}
}
