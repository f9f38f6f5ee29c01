package nodes

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestThreadsRunEveryTaskOnce: testdata/threads.c has the laws of assay_run, whose threads all models share. It runs as
// it is compiled for a server, and by the thread sanitizer, which ends it where two threads touch a number without
// order.
func TestThreadsRunEveryTaskOnce(t *testing.T) {
	for name, flags := range map[string][]string{"fast": {"-O3"}, "sanitized": {"-O1", "-g", "-fsanitize=thread"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "threads")
			arguments := append(flags, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, "testdata/threads.c", "processor_threads.c")
			for _, command := range []*exec.Cmd{exec.CommandContext(t.Context(), "gcc", arguments...), exec.CommandContext(t.Context(), program)} {
				if out, err := command.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%s", command, err, out)
				}
			}
		})
	}
}
