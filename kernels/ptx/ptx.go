// Package ptx holds the kernels as PTX, made from kernels/cuda by NVRTC (make ptx). A driver compiles it for its device
// when it is loaded.
package ptx

import (
	"embed"
	"fmt"
)

//go:embed *.ptx
var files embed.FS

// names are the sources in kernels/cuda, each one module.
var names = []string{"blocks", "head"}

// Modules gives the PTX of every module for a device of a compute capability's major number. It is that of 8.0 for
// every device from 8.0 on, since no kernel uses what came later.
func Modules(major int) ([]string, error) {
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
