package commands

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestMain makes this binary the assay command when it is called by that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"assay": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// batchTokens is what most processes of the tests are told of --batch-tokens: without it each of them measures for some
// seconds of processor time what runs fastest. models.txtar and TestCard have it measured.
const batchTokens = "ASSAY_BATCH_TOKENS=1024"

// TestScripts runs testdata/script: each command with good input and with every way it is known to be refused. $BUNDLES
// has the fixtures' bundles, copied, so that a script may spoil them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ASSAY_ONNXRUNTIME", runtimeFile(t))
			env.Vars = append(env.Vars, batchTokens)
			parquet, err := filepath.Abs("bulk/testdata")
			if err != nil {
				return err
			}
			heldout, err := filepath.Abs("../models/builtin/heldout")
			if err != nil {
				return err
			}
			env.Setenv("PARQUET", parquet)
			env.Setenv("HELDOUT", heldout)
			env.Setenv("BUNDLES", filepath.Join(env.WorkDir, "bundles"))
			for _, name := range []string{"qwen3-reward-packed", "qwen3-process-packed", "../heads/judge", "../heads/user-rows", "../families/polar", "../../builtin/arith-rm"} {
				if err := os.CopyFS(filepath.Join(env.WorkDir, "bundles", filepath.Base(name)), os.DirFS(filepath.Join(fixtures, name))); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"replace": replace,
			"occupy":  occupy,
			"count":   count,
		},
	})
}

const fixtures = "../models/testdata/bundles"

func runtimeFile(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", ".runtime", "lib", onnxrun.RuntimeFile))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// replace FILE OLD NEW replaces the first OLD of a file, which must be there.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	text, err := os.ReadFile(file)
	ts.Check(err)
	if !strings.Contains(string(text), args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(string(text), args[1], args[2], 1)), 0o600))
}

// occupy NAME listens on a free port for the rest of the script and puts its address into the environment.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	ts.Check(err)
	ts.Defer(func() { listener.Close() }) //nolint:errcheck // the script is over
	ts.Setenv(args[0], listener.Addr().String())
}

// count N FILE LINE writes a file of N equal lines.
func count(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for _, digit := range args[0] {
		n = 10*n + int(digit-'0')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Repeat(args[2]+"\n", n)), 0o600))
}

// TestStartUpCodesAreDocumented: a code that a command can end with has a row in docs/API.md.
func TestStartUpCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "## Start-up")
	for _, code := range []string{codeAddress, fault.CodeBundle, fault.CodeRuntime, fault.CodeDevice} {
		if !found || !strings.Contains(section, "| `"+code+"` |") {
			t.Errorf("docs/API.md has no row for %s under Start-up", code)
		}
	}
}
