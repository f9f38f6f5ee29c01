package main

import (
	"os"
	"runtime"
	"testing"
)

func TestProcessReadsItself(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("CPU and memory of a process are read from /proc, which only Linux has; CI runs this there")
	}
	p, err := openProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if cpu, err := p.cpu(); err != nil || cpu < 0 {
		t.Errorf("%s, %v", cpu, err)
	}
	if mib, err := p.memory(); err != nil || mib < 1 || mib > 1<<14 {
		t.Errorf("%g MiB, %v", mib, err)
	}
	if _, err := openProcess(0); err == nil {
		t.Error("no process was opened")
	}
	if _, err := openProcess(1 << 30); err == nil {
		t.Error("a process that is not there was opened")
	}
}
