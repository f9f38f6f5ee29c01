package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hostileBundles lists all of them.
func hostileBundles() []hostileBundle {
	return slices.Concat(honestBundles(), badFiles(), badManifests(), badGraphs(), badTokenizers(), badGolden(),
		badCounts(), badHeads(), badTemplates())
}

// honestBundles are what hostile ones begin as. They are accepted, so that a refusal says something.
func honestBundles() []hostileBundle {
	var all []hostileBundle
	for _, base := range []string{padded, packed, outside, steps, headed, tabular, encoder} {
		all = append(all, hostileBundle{name: "honest: " + base, base: base, passes: []string{"verify", "serve"}})
	}
	return append(all, hostileBundle{
		name: "honest: a graph of our own", base: padded, passes: []string{"verify", "serve"},
		change: graph(func() []byte { return honestly() }),
	})
}

// bundles gives every hostile bundle to verify and to serve.
func (o options) bundles(ctx context.Context, t *table, folder string) (n int, err error) {
	limit := stretched(maxLoad, o.slack)
	t.loads(fmt.Sprintf("verify and serve end within %s and %s, with status 1 and one line of at most %d characters",
		seconds(limit), size(maxLoadSize), maxLine))
	for i, h := range hostileBundles() {
		if !o.wants("bundle", h.name, h.long) {
			continue
		}
		dir := filepath.Join(folder, "bundle")
		if err := h.make(o.testdata, dir); err != nil {
			return n, err
		}
		for _, command := range []string{"verify", "serve"} {
			if command == "serve" && o.short && i%4 != 0 {
				continue // both load a bundle by the same way
			}
			arguments := []string{command, dir}
			if command == "serve" {
				arguments = []string{command, "--listen", "127.0.0.1:0", "--no-builtin", "--bundle", dir}
			}
			e, err := load(ctx, limit+time.Second, o.binary, arguments...)
			if err != nil {
				return n, err
			}
			line := strings.ReplaceAll(strings.ReplaceAll(e.stderr, "assay: bad_bundle: bundle ", ""), dir, "DIR")
			t.load(command, h, e, strings.TrimSpace(line), h.judge(e, command, limit))
			n++
		}
		if err := os.RemoveAll(dir); err != nil {
			return n, err
		}
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
	}
	return n, nil
}
