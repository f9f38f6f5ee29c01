package commands

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what the machine has, in bytes; 0 where it does not say.
type memory struct {
	total, free size
	limit       size // of the control group that the process is in
}

// readMemory reads what Linux says; elsewhere it knows nothing.
func readMemory() memory {
	var m memory
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.total, m.free = meminfo(text, "MemTotal:"), meminfo(text, "MemAvailable:")
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && size(n) < m.total {
			m.limit = size(n)
		}
	}
	return m
}

// meminfo finds a row of /proc/meminfo, which is in KiB.
func meminfo(text []byte, name string) size {
	rows := bufio.NewScanner(bytes.NewReader(text))
	for rows.Scan() {
		fields := strings.Fields(rows.Text())
		if len(fields) >= 2 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return size(n << 10)
		}
	}
	return 0
}

// String says it in words.
func (m memory) String() string {
	if m.total == 0 {
		return "unknown"
	}
	text := fmt.Sprintf("%s, %s free", m.total.rough(), m.free.rough())
	if m.limit > 0 {
		text += ", of which this process may use " + m.limit.rough()
	}
	return text
}
