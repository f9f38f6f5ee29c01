package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// hostileBundle is a directory that looks like a bundle and is none, or one that no server should carry.
type hostileBundle struct {
	name   string
	base   string   // the bundle that it begins as, below models/testdata
	change []change // what makes it hostile
	passes []string // the commands that accept it, within the bounds; nil: none
	may    bool     // whether it is accepted does not matter, within the bounds
	long   bool     // left out of the short form
}

// change makes a bundle in a directory hostile.
type change func(dir string) error

// The bounds on a command that is given a hostile bundle.
const (
	maxLoad     = 20 * time.Second
	maxLoadSize = 2 << 30 // bytes of resident memory at the peak
	maxLine     = 500     // characters of the one line on stderr
)

// ending is how a command ended.
type ending struct {
	took   time.Duration
	peak   int64
	status int // of the process; -1: a signal ended it
	ready  bool
	stderr string
	killed string // why this program ended it
}

// load runs a command until it ends by itself, is ready to serve, or is over a bound.
func load(ctx context.Context, limit time.Duration, binary string, arguments ...string) (ending, error) {
	var e ending
	command := exec.CommandContext(ctx, binary, arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, complained := &transcript{most: mib}, &transcript{most: mib}
	command.Stdout, command.Stderr = said, complained
	begun := time.Now()
	if err := command.Start(); err != nil {
		return e, err
	}
	proc, err := procfs.NewProc(command.Process.Pid) // which is there until it is waited for
	if err != nil {
		return e, err
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // its status says how
		close(ended)
	}()
	end := func(why string) {
		if e.killed == "" {
			e.killed = why
			_ = command.Process.Kill() // it may have ended by itself
		}
	}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-ended:
			tick.Stop()
			e.took = time.Since(begun)
			e.status = command.ProcessState.ExitCode()
			e.stderr = complained.text()
			return e, nil
		case <-tick.C:
		}
		if status, err := proc.NewStatus(); err == nil {
			e.peak = max(e.peak, int64(status.VmHWM)) //nolint:gosec // bytes of memory fit
		}
		switch {
		case e.peak > 2*maxLoadSize:
			end("memory grew over twice what is allowed")
		case time.Since(begun) > limit:
			end("still running after " + seconds(limit))
		case !e.ready && strings.Contains(said.text(), "ready on http://"):
			e.ready = true
			_ = command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		}
	}
}

// judge lists how the end of a command breaks the law.
func (h hostileBundle) judge(e ending, command string, limit time.Duration) []string {
	var faults []string
	if e.killed != "" {
		faults = append(faults, e.killed)
	}
	if e.took > limit && e.killed == "" {
		faults = append(faults, fmt.Sprintf("ended after %s, and %s are allowed", seconds(e.took), seconds(limit)))
	}
	if e.peak > maxLoadSize {
		faults = append(faults, fmt.Sprintf("took %s of memory, and %s are allowed", size(e.peak), size(maxLoadSize)))
	}
	if e.killed != "" {
		return faults
	}
	lines := strings.Split(strings.TrimSuffix(e.stderr, "\n"), "\n")
	switch passes := slices.Contains(h.passes, command); {
	case passes && e.status != 0:
		return append(faults, fmt.Sprintf("it was refused: %.200s", e.stderr))
	case passes, h.may && e.status == 0:
		return faults
	case e.ready || e.status == 0:
		return append(faults, "it was accepted")
	case e.status != 1:
		faults = append(faults, fmt.Sprintf("status %d, and a refusal is 1", e.status))
	}
	if len(lines) != 1 || lines[0] == "" || len([]rune(lines[0])) > maxLine {
		faults = append(faults,
			fmt.Sprintf("%d lines on stderr, the first of %d characters, and one of at most %d is allowed",
				len(lines), len([]rune(lines[0])), maxLine))
	}
	return faults
}

// make lays the bundle out in a directory that does not exist yet.
func (h hostileBundle) make(testdata, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if h.base != "" {
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(testdata, h.base))); err != nil {
			return err
		}
	}
	for _, change := range h.change {
		if err := change(dir); err != nil {
			return fmt.Errorf("bundle %q: %w", h.name, err)
		}
	}
	return nil
}

// transcript keeps what a process writes, up to a bound.
type transcript struct {
	most int
	mu   sync.Mutex
	kept bytes.Buffer // guarded by mu
}

// Write never fails, so that the process is not ended for what it says.
func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Write(b[:min(len(b), max(0, t.most-t.kept.Len()))])
	return len(b), nil
}

func (t *transcript) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.String()
}
