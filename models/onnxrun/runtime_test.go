package onnxrun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoLibraryOfTheWorkingDirectoryIsFound: whoever runs assay in somebody else's repository must not run that
// repository's library, even if it says that it is this module.
func TestNoLibraryOfTheWorkingDirectoryIsFound(t *testing.T) {
	own, err := FindRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	strange := t.TempDir()
	for file, text := range map[string]string{
		"go.mod": "module github.com/assay-rm/assay\n", filepath.Join(".runtime", "lib", RuntimeFile): "", RuntimeFile: "", "src/x": "",
	} {
		file = filepath.Join(strange, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{strange, filepath.Join(strange, "src")} {
		t.Chdir(dir)
		found, err := FindRuntime("")
		if err != nil || found != own || strings.HasPrefix(found, strange) {
			t.Errorf("in %s: found %s, %v; want %s", dir, found, err, own)
		}
	}
}

func TestExplicitLibraryMustBeThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if _, err := FindRuntime(missing); err == nil ||
		!strings.HasPrefix(err.Error(), "ONNX Runtime is not at "+missing) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestALibraryThatIsNowhereIsSearchedAloud: the sentence says where it was searched for and what mends it.
func TestALibraryThatIsNowhereIsSearchedAloud(t *testing.T) {
	_, err := searchRuntime([]string{t.TempDir(), "/nonexistent"})
	if err == nil || !strings.HasSuffix(err.Error(),
		", /nonexistent: run make runtime, or name the file with --onnxruntime") {
		t.Errorf("a library that is nowhere: %v", err)
	}
}
