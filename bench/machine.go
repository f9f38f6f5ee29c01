package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// Device is the machine that was measured on.
type Device struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
}

// thisDevice describes this machine; what cannot be told is "unknown".
func thisDevice() Device {
	device := Device{CPU: "unknown", Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH}
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return device
	}
	defer func() { _ = file.Close() }() // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == "model name" {
			device.CPU = strings.TrimSpace(value)
			break
		}
	}
	return device
}

var (
	marks    = regexp.MustCompile(`\((?:R|TM|r|tm)\)`)
	unusable = regexp.MustCompile(`[^a-z0-9]+`)
)

// Slug is the device as part of a file name.
func (d Device) Slug() string {
	name := unusable.ReplaceAllString(strings.ToLower(marks.ReplaceAllString(d.CPU, "")), "-")
	return fmt.Sprintf("%s-%dc", strings.Trim(name, "-"), d.Cores)
}

// loadAverage is the machine's one-minute load: other work spoils what is measured.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		return 0
	}
	return load
}

// commit names the checkout that was measured, with "+" where files other than results differ from the commit;
// "unknown" outside one.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(head))
	if changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ".", ":!bench/results").Output(); err != nil || len(changes) > 0 {
		name += "+"
	}
	return name
}
