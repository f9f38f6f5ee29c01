// Package ptx holds the kernels as PTX, made from kernels/cuda by NVRTC (make ptx). A driver compiles it for its device
// when it is loaded.
package ptx

import (
	"embed"
	"fmt"
)

//go:embed *.ptx
var files embed.FS

// The sources in kernels/cuda, each one module: those that every device needs, and those of domain assay's operators.
var (
	names     = []string{"blocks", "head"}
	operators = []string{"add_layer_norm", "add_rms_norm", "attention", "gelu", "linear8", "rotate", "swiglu"}
)

// Modules gives the PTX of the modules that every device needs, for one of a compute capability's major number. It is
// that of 8.0 for every device from 8.0 on, since no kernel uses what came later.
func Modules(major int) ([]string, error) { return modules(major, names) }

// Operators gives the same of the modules of domain assay's operators, which a driver takes seconds to compile.
func Operators(major int) ([]string, error) { return modules(major, operators) }

func modules(major int, names []string) ([]string, error) {
	if major < 8 {
		return nil, fmt.Errorf("compute capability %d.x is below 8.0, the lowest that there are kernels for", major)
	}
	modules := make([]string, len(names))
	for i, name := range names {
		text, err := files.ReadFile(name + ".compute_80.ptx")
		if err != nil {
			return nil, err
		}
		modules[i] = string(text)
	}
	return modules, nil
}
