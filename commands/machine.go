package commands

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	gostats "runtime/metrics"
	"strconv"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/procfs"
)

// machine is what this process may use, as Linux and its container say. A limit that is 0 is not known, or there is
// none.
type machine struct {
	processors int  // that Go uses: those of the machine, less what affinity and the container's quota take away
	share      int  // threads of a forward
	memory     size // of the machine
	free       size // of memory, now
	limit      size // of memory, of the container
	threads    int  // that the container and the user may have
	files      int  // that may be open at once
}

// readMachine asks Linux; elsewhere it knows the processors alone.
func readMachine() machine {
	m := machine{processors: runtime.GOMAXPROCS(0), share: readProcessors(os.DirFS("/")).share()}
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if info, err := fs.Meminfo(); err == nil && info.MemTotalBytes != nil && info.MemAvailableBytes != nil {
			m.memory, m.free = size(*info.MemTotalBytes), size(*info.MemAvailableBytes)
		}
		if self, err := fs.Self(); err == nil {
			if limits, err := self.Limits(); err == nil {
				m.files, m.threads = countOf(limits.OpenFiles), countOf(limits.Processes)
			}
		}
	}
	if limit, err := memlimit.FromCgroup(); err == nil && size(limit) < m.memory {
		m.limit = size(limit)
	}
	if pids := pidsLimit(); pids > 0 && (m.threads == 0 || pids < m.threads) {
		m.threads = pids
	}
	return m
}

// countOf is a limit as a number; 0 where it is out of all bounds.
func countOf(limit uint64) int {
	if limit > math.MaxInt32 {
		return 0
	}
	return int(limit)
}

// pidsLimit is how many threads the container may have, 0 where it does not say. A container sees its own group at the
// root of the file system of groups.
func pidsLimit() int {
	for _, pattern := range []string{"/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"} {
		text, err := os.ReadFile(filepath.Clean(pattern))
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return n
		}
	}
	return 0
}

// String says what memory there is, in words.
func (m machine) String() string {
	if m.memory == 0 {
		return "unknown"
	}
	text := fmt.Sprintf("%s, %s free", m.memory.rough(), m.free.rough())
	if m.limit > 0 {
		text += ", of which this process may use " + m.limit.rough()
	}
	return text
}

// Threads that a process has whatever it serves: Go's own, and those in calls into C.
const ownThreads = 32

// modelThreads is how many threads so many models have at most: each has a pool for its forwards, and two that wait for
// them. Those of our operators share one pool; how many these are is not known before they are loaded.
func modelThreads(models, threads int) int { return models * (threads + 2) }

// fitThreads refuses to load so many models, whose forwards have so many threads each, where the process may not have
// as many: a thread that cannot be made ends the process in the middle of a request.
func (m machine) fitThreads(models, threads int) error {
	if threads == 0 {
		threads = m.share
	}
	need := ownThreads + 2*m.processors + modelThreads(models, threads)
	if m.threads == 0 || need <= m.threads {
		return nil
	}
	return fmt.Errorf("%d models with --threads %d need about %d threads, and this process may have %d: give --threads less, or raise the limit",
		models, threads, need, m.threads)
}

// Least memory that Go's part of the process gets, and the share of a container's memory that the whole process plans
// with.
const (
	leastHeap   size = 256 << 20
	usableShare      = 0.9
)

// boundHeap gives Go what the container's memory leaves beside the models, which lie outside its heap, and their
// caches, which are still empty: the collector then works harder instead of the kernel ending the process. It does
// nothing without a limit, or where GOMEMLIMIT is set already. Its error says that models and caches alone are too
// large.
func (m machine) boundHeap(caches size) error {
	if m.limit == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	native, err := nativeMemory()
	if err != nil {
		return err
	}
	heap := size(usableShare*float64(m.limit)) - native - caches
	if heap < leastHeap {
		return fmt.Errorf("the models take %s and their caches may take %s, of the %s that this process may use, and %s must be left for requests: "+
			"give --cache less, or raise the limit", native.rough(), caches.rough(), m.limit.rough(), leastHeap.rough())
	}
	debug.SetMemoryLimit(int64(heap))
	return nil
}

// nativeMemory is what the process holds outside of Go's part.
func nativeMemory() (size, error) {
	self, err := procfs.Self()
	if err != nil {
		return 0, fmt.Errorf("read the memory in use: %w", err)
	}
	stat, err := self.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the memory in use: %w", err)
	}
	samples := []gostats.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	gostats.Read(samples)
	if samples[0].Value.Kind() != gostats.KindUint64 || samples[1].Value.Kind() != gostats.KindUint64 {
		return 0, errors.New("read the memory in use: Go does not say what it holds")
	}
	held := size(samples[0].Value.Uint64() - samples[1].Value.Uint64())
	return max(0, size(stat.ResidentMemory())-held), nil
}
