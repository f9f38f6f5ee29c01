package onnxrun

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/fault"
)

// The ONNX Runtime that scores are proved on.
const (
	RuntimeFile     = "libonnxruntime.so.1.27.0"
	RuntimeVersions = "1.27.x" // that are accepted
)

// Library is a native library that Assay needs.
type Library struct {
	Name     string
	Path     string // the file, or how it is linked
	Version  string // that was found; empty when the library is missing
	Accepted string
	Err      error // why it cannot be used
}

// Libraries finds each native library, and in a build with CUDA the first GPU. explicit is the path of ONNX Runtime, or
// empty to search for it as [FindRuntime] does.
func Libraries(explicit string) []Library {
	onnx := Library{Name: "ONNX Runtime", Accepted: RuntimeVersions}
	onnx.Path, onnx.Err = FindRuntime(explicit)
	if onnx.Err == nil {
		onnx.Err = StartRuntime(onnx.Path)
	}
	if ort.IsInitialized() {
		onnx.Version = ort.GetVersion()
	}
	tokens := Library{Name: "tokenizers", Path: "linked statically", Accepted: "1.24.0"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/daulet/tokenizers" {
				tokens.Version = strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return append([]Library{onnx, tokens}, gpuKernels()...)
}

// FindRuntime gives the path of the ONNX Runtime library: explicit if it is not empty, else the first found beside the
// executable, in lib/assay beside its folder, as packages have it, in .runtime/lib beside it or one folder up, or in
// .runtime/lib of the checkout that the executable was built from. The working directory is not looked at: a library
// runs whatever its maker wants, and somebody else's repository may hold one of that name.
func FindRuntime(explicit string) (string, error) {
	if explicit != "" {
		if _, err := os.Stat(explicit); err != nil {
			return "", fault.New(fault.CodeRuntime, "ONNX Runtime is not at %s", explicit).Because(err)
		}
		return explicit, nil
	}
	return searchRuntime(runtimeDirs())
}

func searchRuntime(dirs []string) (string, error) {
	for _, dir := range dirs {
		file := filepath.Join(dir, RuntimeFile)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fault.New(fault.CodeRuntime, "%s is not in %s: run make runtime, or name the file with --onnxruntime",
		RuntimeFile, strings.Join(dirs, ", "))
}

func runtimeDirs() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		dirs = append(dirs, dir, filepath.Join(filepath.Dir(dir), "lib", "assay"), filepath.Join(dir, ".runtime", "lib"),
			filepath.Join(filepath.Dir(dir), ".runtime", "lib"))
	}
	if root, ok := checkout(); ok {
		dirs = append(dirs, filepath.Join(root, ".runtime", "lib"))
	}
	return dirs
}

// checkout is the folder of this module's sources that the executable was built from, as `go run` and `go test` need
// it. An executable that is built with -trimpath, as those of the images are, does not know it.
func checkout() (root string, ok bool) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", false
	}
	return filepath.Join(filepath.Dir(file), "..", ".."), true // from models/onnxrun
}

var runtimeOnce struct {
	sync.Mutex
	path string
}

// StartRuntime loads ONNX Runtime from path. A process can load one only: another path is an error later. Its errors
// are *fault.Error.
func StartRuntime(path string) error {
	runtimeOnce.Lock()
	defer runtimeOnce.Unlock()
	if runtimeOnce.path != "" {
		if runtimeOnce.path != path {
			return fault.New(fault.CodeRuntime, "ONNX Runtime is loaded from %s already, so not from %s",
				runtimeOnce.path, path)
		}
		return nil
	}
	if err := setEnvironment(); err != nil {
		return fault.New(fault.CodeRuntime, "the environment of CUDA cannot be set").Because(err)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fault.New(fault.CodeRuntime, "ONNX Runtime %s does not load", path).Because(err)
	}
	if version := ort.GetVersion(); !strings.HasPrefix(version, strings.TrimSuffix(RuntimeVersions, "x")) {
		return fault.New(fault.CodeRuntime, "ONNX Runtime %s is version %s, and %s is accepted", path, version,
			RuntimeVersions)
	}
	runtimeOnce.path = path
	return nil
}

// loadedRuntime is the file of ONNX Runtime that the process has loaded.
func loadedRuntime() string {
	runtimeOnce.Lock()
	defer runtimeOnce.Unlock()
	return runtimeOnce.path
}
