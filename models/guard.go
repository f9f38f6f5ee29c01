package models

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// loadRate is how many bytes of weights a second are surely loaded and proved, on any machine that a model of that size
// is for.
const loadRate = 4 << 20

// loadLimits are what loading a bundle may take, whatever it holds.
type loadLimits struct {
	memory  int64         // by which the process may grow, in bytes
	proof   time.Duration // until everything is proved
	forward time.Duration // of one forward
	weights int64         // what they are made of: bytes of the graph and of its external data
}

// servedMemory is by how much more the process may grow while a bundle is loaded beside models that are asked.
const servedMemory = 2 << 30

// besideOthers widens the limits of a load beside models that are asked: what they take of the process counts as the
// load's.
func (l *loadLimits) besideOthers() {
	l.memory += servedMemory
	l.proof, l.forward = 4*l.proof, 4*l.forward
}

// limitsOf are those of a bundle whose graph and external data have so many bytes. CUDA takes memory of the host, and
// time to begin.
func limitsOf(bytes int64, device onnxrun.Device) loadLimits {
	more := time.Duration(bytes/loadRate) * time.Second
	limits := loadLimits{memory: onnxrun.Memory(bytes) + 256<<20, proof: 8*time.Second + more, forward: 10*time.Second + more, weights: bytes}
	for range device.GPUs {
		limits.memory += 4 << 30
		limits.proof += time.Minute
		limits.forward += time.Minute
	}
	return limits
}

// graces are how long work may take to notice that it is to end: what is late may finish its step, what is too large
// must not grow on.
const (
	timeGrace   = 2 * time.Second
	memoryGrace = 200 * time.Millisecond
)

// guarded does work that may be hostile, such as encoding by a bundle's tokenizer. When the process grows by more than
// it may or, unless patience is 0, the work takes longer, its context ends, and the error says why. Work in a native
// library may not notice: then it is abandoned, still running, and the caller must not free what it uses. Time is of
// the clock and of the processors, so that a machine that is busy with something else refuses no honest bundle.
func guarded(ctx context.Context, memory int64, patience time.Duration, work func(context.Context) error) (abandoned bool, err error) {
	before, err := usage()
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	done := make(chan struct{})
	go func() {
		failed = work(ctx)
		close(done)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; {
		select {
		case <-done:
			return false, failed
		case <-tick.C:
		}
		now, err := usage()
		grace := timeGrace
		switch {
		case err != nil:
		case now.memory-before.memory > memory:
			err = fault.New(fault.CodeBundle, "it takes more than %d MiB of memory to load", memory>>20)
			grace = memoryGrace
		case patience > 0 && min(time.Since(begun), now.processors-before.processors) > patience:
			err = fault.New(fault.CodeBundle, "it takes more than %s to prove", patience)
		default:
			continue
		}
		cancel()
		select {
		case <-done:
			return false, err
		case <-time.After(grace):
			return true, err
		}
	}
}

// used is what the process has taken: memory that is no file's, in bytes, and time of the processors.
type used struct {
	memory     int64
	processors time.Duration
}

func usage() (used, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return used{}, err
	}
	var pages [3]int64 // all, resident, and resident of files
	for i, field := range strings.Fields(string(text))[:len(pages)] {
		if pages[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return used{}, err
		}
	}
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &spent); err != nil {
		return used{}, err
	}
	return used{
		memory:     (pages[1] - pages[2]) * int64(os.Getpagesize()),
		processors: time.Duration(spent.Utime.Nano() + spent.Stime.Nano()),
	}, nil
}
