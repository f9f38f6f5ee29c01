package commands

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// processors are those that this process may use, as Linux and its container say. What is 0, or none, is not known.
type processors struct {
	online  int     // of the machine
	allowed []int   // numbers of those that the affinity mask has
	quota   float64 // of their time, as the container's group or one around it has it: 1.5 is that of one and a half
	nodes   []node  // the machine's NUMA nodes that have processors
}

// node is a part of the machine with memory of its own, which its processors reach sooner than that of others.
type node struct {
	number  int
	allowed []int // those of its processors that the affinity mask has
}

// readProcessors asks the files of a system, which is the root of Linux's but in tests.
func readProcessors(system fs.FS) processors {
	online := numbersIn(system, "sys/devices/system/cpu/online")
	p := processors{online: len(online), quota: quotaOf(system)}
	if text, err := fs.ReadFile(system, "proc/self/status"); err == nil {
		for line := range strings.Lines(string(text)) {
			if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
				p.allowed = parseNumbers(list)
				if len(online) > 0 { // a mask may have processors that the machine could have and has not
					p.allowed = slices.DeleteFunc(p.allowed, func(cpu int) bool { return !slices.Contains(online, cpu) })
				}
			}
		}
	}
	folders, err := fs.Glob(system, "sys/devices/system/node/node[0-9]*")
	if err != nil {
		return p
	}
	for _, folder := range folders {
		number, err := strconv.Atoi(strings.TrimPrefix(path.Base(folder), "node"))
		own := numbersIn(system, path.Join(folder, "cpulist"))
		if err != nil || len(own) == 0 {
			continue // memory without processors
		}
		own = slices.DeleteFunc(own, func(cpu int) bool { return !slices.Contains(p.allowed, cpu) })
		p.nodes = append(p.nodes, node{number, own})
	}
	slices.SortFunc(p.nodes, func(a, b node) int { return a.number - b.number })
	return p
}

// numbersIn reads a file with a list such as 0-3,8.
func numbersIn(system fs.FS, name string) []int {
	text, err := fs.ReadFile(system, name)
	if err != nil {
		return nil
	}
	return parseNumbers(string(text))
}

// mostProcessors is more than Linux has.
const mostProcessors = 1 << 16

// parseNumbers reads a list such as 0-3,8; what is none gives nothing.
func parseNumbers(list string) (numbers []int) {
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		first, last, span := strings.Cut(part, "-")
		if !span {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < 0 || to < from || to >= mostProcessors {
			return nil
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// quotaOf is the least quota of the groups that the process is in, 0 where none has one. Version 2 of groups has it in
// cpu.max, as time and period, version 1 in two files.
func quotaOf(system fs.FS) (least float64) {
	text, err := fs.ReadFile(system, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(parts) < 3 {
			continue
		}
		root, read := "sys/fs/cgroup", []string{"cpu.max"}
		switch {
		case parts[1] == "":
		case slices.Contains(strings.Split(parts[1], ","), "cpu"):
			root, read = path.Join(root, "cpu"), []string{"cpu.cfs_quota_us", "cpu.cfs_period_us"}
		default:
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) { // it and those around it, as far as they are seen
			var words []string
			for _, name := range read {
				text, err := fs.ReadFile(system, path.Join(root, group, name))
				if err == nil {
					words = append(words, strings.Fields(string(text))...)
				}
			}
			if own := ratioOf(words); own > 0 && (least == 0 || own < least) {
				least = own
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

// ratioOf is time over period, 0 where there is no bound: max, or -1.
func ratioOf(words []string) float64 {
	if len(words) != 2 {
		return 0
	}
	time, err1 := strconv.ParseFloat(words[0], 64)
	period, err2 := strconv.ParseFloat(words[1], 64)
	if err1 != nil || err2 != nil || time <= 0 || period <= 0 {
		return 0
	}
	return time / period
}

// share is how many threads a forward has unless the command line says: one for each processor that Go uses, which is
// as many as the affinity mask has or as GOMAXPROCS says, and no more than the quota pays for. Go itself takes two
// where the quota is of one.
func (p processors) share() int {
	threads := runtime.GOMAXPROCS(0)
	if p.quota > 0 && os.Getenv("GOMAXPROCS") == "" {
		threads = min(threads, max(1, int(math.Ceil(p.quota))))
	}
	return threads
}

// String says what takes processors of the machine away.
func (p processors) String() string {
	text := fmt.Sprintf("the machine has %d", p.online)
	if p.online == 0 {
		text = "how many the machine has is not known"
	}
	if 0 < len(p.allowed) && len(p.allowed) < p.online {
		text += fmt.Sprintf(", the affinity mask %d of them", len(p.allowed))
	}
	if p.quota > 0 {
		text += fmt.Sprintf(", the container's quota is %.4g", p.quota)
	}
	return text
}

// advice says how many NUMA nodes there are, and what to do where the process is on several: a thread that reads
// weights from another node's memory waits longer, so that a server for each may be faster than one over all.
func (p processors) advice() string {
	var here []string
	for _, n := range p.nodes {
		if len(n.allowed) > 0 {
			here = append(here, strconv.Itoa(n.number))
		}
	}
	if len(p.nodes) == 0 || len(p.allowed) == 0 {
		return "nodes are not known"
	}
	count := fmt.Sprintf("%d nodes", len(p.nodes))
	if len(p.nodes) == 1 {
		count = "1 node"
	}
	switch {
	case len(here) < 2 && len(p.nodes) > 1:
		return fmt.Sprintf("%s, and this process is on node %s alone", count, strings.Join(here, ""))
	case len(here) > 1:
		return fmt.Sprintf("%s, and this process is on %s: a server on each may be faster, as numactl --cpunodebind=%s --membind=%s assay serve starts it "+
			"(docs/OPERATIONS.md)", count, strings.Join(here, ", "), here[0], here[0])
	}
	return count
}
