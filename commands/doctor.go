package commands

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/assay-rm/assay/models/onnxrun"
)

// doctorCommand is `assay doctor`.
type doctorCommand struct {
	Runtime runtimeFlags `embed:""`
}

// Run looks for what Assay needs, and fails when a library is missing or another version than the scores were proved on.
func (c *doctorCommand) Run(con *console) error {
	p := newPage(con.out)
	var bad []error
	for _, library := range onnxrun.Libraries(c.Runtime.ONNXRuntime) {
		mark, version := "✓", library.Version
		if library.Err != nil {
			mark = "✗"
			bad = append(bad, fmt.Errorf("%s: %w", library.Name, library.Err))
		}
		if version == "" {
			version = "version unknown"
		}
		if library.Path == "" {
			p.line("%s %-13s missing (accepted: %s)", mark, library.Name, library.Accepted)
			continue
		}
		p.line("%s %-13s %s (accepted: %s), %s", mark, library.Name, version, library.Accepted, library.Path)
	}
	p.line("  %-13s %d of %s/%s", "processors", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	memory := readMemory()
	p.line("  %-13s %s", "memory", memory)
	if err := p.flush(); err != nil {
		return err
	}
	return errors.Join(bad...)
}
