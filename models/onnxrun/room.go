package onnxrun

import (
	"fmt"
	"regexp"
)

// noMemory is how ONNX Runtime says that a GPU has no memory for what lies between the operators of a forward: it has
// none, or no more than it may take of it.
var noMemory = regexp.MustCompile(`Failed to allocate memory for requested buffer of size \d+|Available memory of \d+ is smaller than requested bytes of \d+|` +
	`CUDA failure 2: out of memory|memory of \d+ bytes for sums of integers`)

// room gives the error of a forward of so many tokens. Where a GPU had no memory for it, the sentence names what to
// give less of.
func (s *Session) room(st *stage, tokens int, err error) error {
	if err == nil || !s.device.OnGPU() {
		return err
	}
	if said := noMemory.FindString(err.Error()); said != "" {
		return fmt.Errorf("device cuda:%d has no memory for a forward of %d tokens beside the weights and the cache (%s): "+
			"give less with --cache or --batch-tokens, or more with --device-memory", st.number, tokens, said)
	}
	return err
}
