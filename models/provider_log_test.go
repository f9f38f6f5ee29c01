//go:build provider

package models

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// standardError gives what is written to the process's standard error while something is done.
func standardError(path string, do func() error) (text string, err error) {
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // it was read
	saved, err := syscall.Dup(2)
	if err != nil {
		return "", err
	}
	defer syscall.Close(saved) //nolint:errcheck // it was open
	if err := syscall.Dup3(int(file.Fd()), 2, 0); err != nil {
		return "", err
	}
	failed := do()
	if err := syscall.Dup3(saved, 2, 0); err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return string(data), failed
}

var (
	memcpyNodes = regexp.MustCompile(`(\d+) Memcpy nodes are added to the graph`)
	allOn       = regexp.MustCompile(`All nodes placed on \[(\w+)\]`)
	someOn      = regexp.MustCompile(`Node\(s\) placed on \[(\w+)\]`)
	oneNode     = regexp.MustCompile(`VerifyEachNodeIsAssignedToAnEp\]   (\w+) \(`)
	allCount    = regexp.MustCompile(`All nodes placed on \[\w+\]\. Number of nodes: (\d+)`)
)

// placements reads where a session's nodes lie. Where all are on one provider, the log has their number alone, and the
// operators are empty.
func placements(log string) map[string][]string {
	placed := map[string][]string{}
	on := ""
	for line := range strings.Lines(log) {
		if found := someOn.FindStringSubmatch(line); found != nil {
			on = found[1]
		}
		if found := oneNode.FindStringSubmatch(line); found != nil {
			placed[on] = append(placed[on], found[1])
		}
		if found := allOn.FindStringSubmatch(line); found != nil {
			nodes, _ := strconv.Atoi(allCount.FindStringSubmatch(line)[1])
			placed[found[1]] = make([]string, nodes)
		}
	}
	return placed
}

// copyingNodes reads how many nodes were put in that copy.
func copyingNodes(log string) int {
	found := memcpyNodes.FindStringSubmatch(log)
	if found == nil {
		return 0
	}
	nodes, _ := strconv.Atoi(found[1])
	return nodes
}
