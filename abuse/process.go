package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// process is a server that this program started. Its goroutine watches memory until the process has ended.
type process struct {
	command *exec.Cmd
	proc    procfs.Proc
	address string // host:port
	log     string // file with what it wrote to stderr
	ended   chan struct{}
	status  error // why it ended; set before ended is closed
}

// startTime bounds how long a server may take until it listens, and stopTime until it has ended after SIGTERM.
const (
	startTime = 2 * time.Minute
	stopTime  = time.Minute
)

// start runs the server and waits until it says where it listens. The kernel ends it when this program dies.
func start(ctx context.Context, binary, folder string, environment, arguments []string) (*process, error) {
	log, err := os.CreateTemp(folder, "server-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the server has its own descriptor
	command := exec.CommandContext(ctx, binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, arguments...)...)
	command.Env = append(os.Environ(), environment...)
	command.Stderr = log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command: command, log: log.Name(), ended: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if _, at, found := strings.Cut(lines.Text(), "ready on http://"); found {
				address, _, _ := strings.Cut(at, " ")
				ready <- address
			}
		}
		_, _ = io.Copy(io.Discard, said) // a line too long for the scanner
		p.status = command.Wait()
		close(p.ended)
	}()
	select {
	case p.address = <-ready:
	case <-p.ended:
		return nil, fmt.Errorf("the server did not start: %w: %s", p.status, p.lastWords())
	case <-time.After(startTime):
		p.kill()
		return nil, fmt.Errorf("the server did not start within %s", startTime)
	}
	if p.proc, err = procfs.NewProc(command.Process.Pid); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// alive tells whether the process still runs.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop ends the process as an operator does, and fails unless its status is 0.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.kill()
		return fmt.Errorf("it still ran %s after SIGTERM", stopTime)
	}
	if p.status != nil {
		return fmt.Errorf("after SIGTERM: %w: %s", p.status, p.lastWords())
	}
	return nil
}

// kill ends the process at once, and waits for its end.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended by itself
	<-p.ended
}

// lastWords are the last line that the server wrote to stderr.
func (p *process) lastWords() string {
	text, err := os.ReadFile(filepath.Clean(p.log))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[len(lines)-1]
	return last[:min(len(last), 400)]
}

// resident is the memory of the process now, in bytes, and its peak since resetPeak.
func (p *process) resident() (now, peak int64, err error) {
	status, err := p.proc.NewStatus()
	if err != nil {
		return 0, 0, err
	}
	return int64(status.VmRSS), int64(status.VmHWM), nil //nolint:gosec // bytes of memory fit
}

// resetPeak has the kernel count the peak from now on.
func (p *process) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.proc.PID), []byte("5"), 0)
}

// files counts the descriptors that the process holds open.
func (p *process) files() (int, error) { return p.proc.FileDescriptorsLen() }

// watch follows the peak of the process from now on, and kills it when the peak is over the bound. The function that it
// gives ends the watch and gives the growth over the memory at its beginning; a process that was killed has ended by
// then.
func (p *process) watch(bound int64) (grown func() int64, err error) {
	if err := p.resetPeak(); err != nil {
		return nil, err
	}
	before, peak, err := p.resident()
	if err != nil {
		return nil, err
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for last := false; !last; {
			select {
			case <-done:
				last = true
			case <-tick.C:
			}
			if _, now, err := p.resident(); err == nil {
				peak = max(peak, now)
			}
			if peak > bound {
				p.kill() // the law is broken already; this is for the machine
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		<-stopped
		return max(0, peak-before)
	}, nil
}
