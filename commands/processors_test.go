package commands

import (
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// system has these files.
func system(files map[string]string) fs.FS {
	made := fstest.MapFS{}
	for name, text := range files {
		made[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return made
}

// TestProcessorsOfASystem: what affinity masks, groups of both versions and NUMA nodes leave to a process, read from
// the files of systems that have them.
func TestProcessorsOfASystem(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	status := func(list string) string {
		return "Name:\tassay\nCpus_allowed:\tff\nCpus_allowed_list:\t" + list + "\nMems_allowed_list:\t0\n"
	}
	const online, own, group = "sys/devices/system/cpu/online", "proc/self/status", "proc/self/cgroup"
	for name, c := range map[string]struct {
		files        map[string]string
		share        int
		text, advice string
	}{
		"nothing is said": {nil, 64, "how many the machine has is not known", "nodes are not known"},
		"a whole machine": {
			map[string]string{online: "0-63\n", own: status("0-63"), "sys/devices/system/node/node0/cpulist": "0-63\n"},
			64, "the machine has 64", "1 node",
		},
		"a quota of one": {
			map[string]string{online: "0-63\n", own: status("0-63"), group: "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"},
			1, "the machine has 64, the container's quota is 1", "nodes are not known",
		},
		"a quota of less": {
			map[string]string{online: "0-3", own: status("0-3"), group: "0::/", "sys/fs/cgroup/cpu.max": "25000 100000"},
			1, "the machine has 4, the container's quota is 0.25", "nodes are not known",
		},
		"a quota of more, in a group around it": {
			map[string]string{
				online: "0-63\n", own: status("0-7,32-39"), group: "0::/pods/pod1/box\n",
				"sys/fs/cgroup/pods/pod1/box/cpu.max": "max 100000\n", "sys/fs/cgroup/pods/pod1/cpu.max": "250000 100000\n", "sys/fs/cgroup/pods/cpu.max": "6400000 100000\n",
			},
			3, "the machine has 64, the affinity mask 16 of them, the container's quota is 2.5", "nodes are not known",
		},
		"groups of version 1": {
			map[string]string{
				online: "0-7\n", own: status("0-7"), group: "5:memory:/a\n4:cpu,cpuacct:/a\n0::/\n",
				"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "400000\n", "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
			},
			4, "the machine has 8, the container's quota is 4", "nodes are not known",
		},
		"two nodes": {
			map[string]string{
				online: "0-63\n", own: status("0-63"), "sys/devices/system/node/node0/cpulist": "0-15,32-47\n",
				"sys/devices/system/node/node1/cpulist": "16-31,48-63\n", "sys/devices/system/node/node2/cpulist": "\n",
			},
			64, "the machine has 64", "2 nodes, and this process is on 0, 1: a server on each may be faster, as numactl --cpunodebind=0 --membind=0 assay serve starts it " +
				"(docs/OPERATIONS.md)",
		},
		"a mask of processors that are not there": {map[string]string{
			online: "0-3\n", own: status("0-127"), "sys/devices/system/node/node0/cpulist": "0-3\n",
		}, 64, "the machine has 4", "1 node"},
		"one node of ten": {map[string]string{
			online: "0-9\n", own: status("9"), "sys/devices/system/node/node9/cpulist": "9\n",
			"sys/devices/system/node/node10/cpulist": "0-8\n",
		}, 64, "the machine has 10, the affinity mask 1 of them", "2 nodes, and this process is on node 9 alone"},
		"damaged files": {map[string]string{
			online: "0-99999999999\n", own: status("3-1"), group: "0::\nx\n0::/../..\n", "sys/fs/cgroup/cpu.max": "1 2 3\n",
			"sys/devices/system/node/node0/cpulist": "a,b\n", "sys/devices/system/node/nodeless/cpulist": "0\n",
		}, 64, "how many the machine has is not known", "nodes are not known"},
	} {
		p := readProcessors(system(c.files))
		if p.share() != c.share || p.String() != c.text || p.advice() != c.advice {
			t.Errorf("%s: %d threads, %q, %q", name, p.share(), p, p.advice())
		}
	}
	t.Setenv("GOMAXPROCS", "64")
	if share := (processors{quota: 1}).share(); share != 64 {
		t.Errorf("%d threads, and GOMAXPROCS says 64", share)
	}
}

// TestProcessorsOfThisSystem: what the files of this system say agrees with what Go has found.
func TestProcessorsOfThisSystem(t *testing.T) {
	p := readProcessors(os.DirFS("/"))
	if len(p.allowed) != runtime.NumCPU() || p.online < len(p.allowed) || p.share() < 1 || p.share() > runtime.GOMAXPROCS(0) {
		t.Errorf("%+v: %d threads; Go has found %d processors and uses %d", p, p.share(), runtime.NumCPU(), runtime.GOMAXPROCS(0))
	}
	if advice := p.advice(); !strings.Contains(advice, "node") {
		t.Error(advice)
	}
}
