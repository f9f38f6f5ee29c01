package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// ratchet is the part of the last committed figure that a run must reach.
const ratchet = 0.95

// lastCommitted is the newest report of the same kind of machine and form that the checkout's commit has under dir,
// with the name of its file; the name is empty where there is none.
func lastCommitted(ctx context.Context, dir string, like Report) (last Report, file string, err error) {
	listed, err := exec.CommandContext(ctx, "git", "ls-tree", "--name-only", "HEAD", "--", dir+"/").Output()
	if err != nil {
		return last, "", nil //nolint:nilerr // outside a checkout nothing is committed
	}
	_, kind, _ := strings.Cut(path.Base(like.Path(dir)), like.day())
	names := slices.DeleteFunc(strings.Fields(string(listed)), func(name string) bool {
		base := path.Base(name)
		return len(base) < len(like.day()) || base[len(like.day()):] != kind
	})
	if len(names) == 0 {
		return last, "", nil
	}
	file = slices.Max(names)
	text, err := exec.CommandContext(ctx, "git", "show", "HEAD:./"+file).Output()
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil {
		return last, file, fmt.Errorf("results: %s: %w", file, err)
	}
	return last, file, nil
}

// tighten asks of every median for the ratchet's part of the same figure in the last report, where that was measured in
// more than one round and is more than what is asked anyway.
func (r *Report) tighten(last Report) {
	for i := range r.Results {
		before := slices.IndexFunc(last.Results, func(l Result) bool { return l.Name == r.Results[i].Name })
		if before < 0 || last.Results[before].Void != "" {
			continue
		}
		for k := range r.Results[i].Checks {
			c := &r.Results[i].Checks[k]
			for _, l := range last.Results[before].Checks {
				if l.What == c.What && l.quotable() && c.Rounds > 0 && l.Figure > 0 {
					c.tighten(l.Figure)
				}
			}
		}
	}
}

// tighten asks for the ratchet's part of a figure, unless more is asked.
func (c *Check) tighten(last float64) {
	limit := ratchet * last
	if c.AtMost {
		limit = last / ratchet
	}
	if c.free() || c.AtMost && limit < c.Limit || !c.AtMost && limit > c.Limit {
		c.Limit, c.Last = limit, last
	}
}

// quotable says whether the figure is of more than one round: one alone could not be seen to be disturbed.
func (c Check) quotable() bool { return c.Rounds >= 2 }
