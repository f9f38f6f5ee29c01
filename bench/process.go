package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// process is a server's, read from /proc.
type process struct{ proc procfs.Proc }

// openProcess fails where the process is not known or is gone.
func openProcess(pid int) (process, error) {
	if pid == 0 {
		return process{}, errors.New("the server's process is not known: -server NAME=URL,PID")
	}
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	return process{proc}, nil
}

// cpu is the time that all its threads have run so far, user and system; the kernel counts it in steps of 10 ms.
func (p process) cpu() (time.Duration, error) {
	stat, err := p.proc.Stat()
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", p.proc.PID, err)
	}
	return time.Duration(stat.CPUTime() * float64(time.Second)), nil
}

// memory is its resident memory in MiB.
func (p process) memory() (float64, error) {
	stat, err := p.proc.Stat()
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", p.proc.PID, err)
	}
	return float64(stat.ResidentMemory()) / (1 << 20), nil
}
