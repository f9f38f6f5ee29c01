package commands

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/onnxrun"
)

// doctorCommand is `assay doctor`.
type doctorCommand struct {
	Runtime runtimeFlags `embed:""`
}

// Run looks for what Assay needs, and fails when a library is missing or another version than the scores were proved
// on.
func (c *doctorCommand) Run(con *console) error {
	p := page.New(con.out)
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
			p.Line("%s %-13s missing (accepted: %s)", mark, library.Name, library.Accepted)
			continue
		}
		p.Line("%s %-13s %s (accepted: %s), %s", mark, library.Name, version, library.Accepted, library.Path)
	}
	for _, sentence := range onnxrun.Overridden() {
		p.Line("! %-13s %s", "environment", sentence)
	}
	m := readMachine()
	here := readProcessors(os.DirFS("/"))
	p.Line("  %-13s %d of %s/%s; threads of a forward unless --threads says otherwise: %d; %s", "processors", m.processors, runtime.GOOS, runtime.GOARCH, m.share, here)
	p.Line("  %-13s %s", "NUMA", here.advice())
	p.Line("  %-13s %s", "kernels", onnxrun.Processor())
	p.Line("  %-13s %s", "memory", m)
	p.Line("  %-13s %s threads, %s open files", "limits", limitOf(m.threads), limitOf(m.files))
	if err := p.Flush(); err != nil {
		return err
	}
	return errors.Join(bad...)
}

// limitOf writes a limit that may not be known.
func limitOf(n int) string {
	if n == 0 {
		return "unlimited"
	}
	return strconv.Itoa(n)
}
