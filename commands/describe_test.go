package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/assay-rm/assay/commands/manual"
)

// model is the command line as kong reads it.
func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := kong.New(&grammar{}, settings(&console{in: os.Stdin, out: os.Stdout, err: os.Stderr})...)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// flagsOf are the flags that a command takes, as kong itself counts them.
func flagsOf(node *kong.Node) []string {
	var all []string
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			all = append(all, "--"+flag.Name)
			if flag.Short != 0 {
				all = append(all, "-"+string(flag.Short))
			}
		}
	}
	return all
}

// script writes a completion to a file.
func script(t *testing.T, app *kong.Application, shell string) string {
	t.Helper()
	var out bytes.Buffer
	if err := manual.Completion(&out, app, shell); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "_assay")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// shellOf runs a program of a shell. The test is skipped where the machine has no such shell, but for bash; make
// completions installs them all, and says so by ASSAY_SHELLS, so that none is skipped there. CI runs it.
func shellOf(t *testing.T, shell string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil && shell != "bash" && os.Getenv("ASSAY_SHELLS") == "" {
		t.Skipf("%s is not installed here; make completions installs it and runs this test", shell)
	}
	out, err := exec.CommandContext(t.Context(), shell, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestThePageHasEveryFlagOfEveryCommand: in the command's own section, with the text that --help prints.
func TestThePageHasEveryFlagOfEveryCommand(t *testing.T) {
	app := model(t)
	var out bytes.Buffer
	if err := manual.Page(&out, app, "v1.2.3", "2026-01-02"); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fR`, "", `\fI`, "", `\(aq`, "'", `\(dq`, `"`, `\e`, `\`, `\[u2026]`, "…").Replace(out.String())
	flags := 0
	for _, leaf := range app.Leaves(true) {
		_, section, found := strings.Cut(plain, "\n.SS \""+leaf.FullPath())
		section, _, _ = strings.Cut(section, "\n.S")
		if !found {
			t.Errorf("%s has no section", leaf.FullPath())
		}
		for _, flag := range leaf.Flags {
			flags++
			if !strings.Contains(section, "\n--"+flag.Name) || !strings.Contains(section, strings.TrimSuffix(flag.Help, ".")) {
				t.Errorf("the section of %s lacks --%s", leaf.FullPath(), flag.Name)
			}
		}
	}
	if flags < 60 {
		t.Errorf("%d flags were looked for", flags)
	}
}

// TestThePageIsCorrectRoff: neither mandoc nor groff has anything to say of it.
func TestThePageIsCorrectRoff(t *testing.T) {
	var out bytes.Buffer
	if err := manual.Page(&out, model(t), "v1.2.3", "2026-01-02"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "assay.1")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("mandoc", func(t *testing.T) {
		if said := shellOf(t, "mandoc", "-T", "lint", "-W", "warning", file); said != "" {
			t.Error(said)
		}
	})
	t.Run("groff", func(t *testing.T) {
		if said := shellOf(t, "groff", "-man", "-ww", "-Z", "-T", "utf8", file); strings.Contains(said, "warning") {
			t.Error(said)
		}
	})
}

// TestBashCompletes: what bash offers behind every command is what kong takes there, and behind every flag that has a
// list of values, those.
func TestBashCompletes(t *testing.T) {
	app := model(t)
	var program strings.Builder
	fmt.Fprintf(&program, "set -eu\nsource %s\n[[ $(complete -p assay) == *'-F _assay assay' ]]\n", script(t, app, "bash"))
	program.WriteString("tab() { COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _assay; echo \"${COMPREPLY[*]}\"; }\n")
	var lines, want []string
	expect := func(line string, words []string) {
		fmt.Fprintf(&program, "tab assay %s\n", line)
		lines, want = append(lines, line), append(want, strings.Join(words, " "))
	}
	var commands []string
	for _, child := range app.Children {
		commands = append(commands, child.Name)
	}
	expect("''", commands)
	expect("rec", []string{"recipes"})
	expect("recipes ''", []string{"list", "check"})
	expect("completion ''", manual.Shells)
	expect("serve --listen x --log-f", []string{"--log-format"})
	expect("recipes --help li", []string{"list"})
	for _, leaf := range app.Leaves(true) {
		path := strings.TrimPrefix(leaf.Path(), "assay ")
		expect(path+" -", flagsOf(leaf))
		for _, flag := range leaf.Flags {
			if flag.Enum != "" {
				expect(path+" --"+flag.Name+" ''", flag.EnumSlice())
				expect(path+" --"+flag.Name+" =", flag.EnumSlice())
				expect(path+" --"+flag.Name+" = "+flag.EnumSlice()[0], flag.EnumSlice()[:1])
			}
		}
	}
	got := strings.Split(strings.TrimSuffix(shellOf(t, "bash", "--norc", "-c", program.String()), "\n"), "\n")
	if len(got) != len(want) || len(want) < 30 {
		t.Fatalf("%d answers to %d lines", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("behind assay %s bash offers %q, want %q", lines[i], got[i], want[i])
		}
	}
}

// TestFishCompletes asks fish itself.
func TestFishCompletes(t *testing.T) {
	app := model(t)
	file := script(t, app, "fish")
	for _, leaf := range app.Leaves(true) {
		line := leaf.FullPath() + " --"
		var got []string
		for offered := range strings.Lines(shellOf(t, "fish", "--no-config", "-c", fmt.Sprintf("source %s; complete -C %q", file, line))) {
			got = append(got, strings.TrimSpace(strings.SplitN(offered, "\t", 2)[0]))
		}
		for _, flag := range flagsOf(leaf) {
			if strings.HasPrefix(flag, "--") && !slices.Contains(got, flag) && !slices.Contains(got, flag+"=") {
				t.Errorf("fish offers %q behind %q, and not %s", got, line, flag)
			}
		}
	}
}

// TestZshCompletes: zsh reads the script, and each command's function names every flag.
func TestZshCompletes(t *testing.T) {
	app := model(t)
	file := script(t, app, "zsh")
	shellOf(t, "zsh", "-f", "-c", "autoload -Uz compinit && compinit -D && source "+file+" && [ \"$_comps[assay]\" = _assay ]")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range app.Leaves(true) {
		_, body, found := strings.Cut(string(text), "\n_"+strings.ReplaceAll(leaf.FullPath(), " ", "_")+"() {")
		body, _, _ = strings.Cut(body, "\n}\n")
		for _, flag := range flagsOf(leaf) {
			if !found || !strings.Contains(body, "'"+flag+"[") && !strings.Contains(body, "'"+flag+"=") && !strings.Contains(body, "'*"+flag+"=") {
				t.Errorf("%s lacks %s", leaf.FullPath(), flag)
			}
		}
	}
}
