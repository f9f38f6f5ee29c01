package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/assay-rm/assay/commands/page"
)

// verifyCommand is `assay verify`.
type verifyCommand struct {
	Runtime runtimeFlags `embed:""`
	Dir     string       `arg:"" help:"Directory of the bundle, or builtin:NAME."`
}

// verifyCache is how many bytes of keys and values may be kept, as many as a server's default: what is read from the
// cache is proved, too.
const verifyCache = 512 << 20

// Run proves the bundle as a server does when it loads it, and then its golden pairs through the engine.
func (c *verifyCommand) Run(ctx context.Context, con *console) (err error) {
	sources, err := withBundles(nil, []string{c.Dir})
	if err != nil {
		return err
	}
	options := c.Runtime.options()
	options.Cache = verifyCache
	loaded, err := load(ctx, sources, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	m := loaded.registry.All()[0]
	p := page.New(con.out)
	defer func() { err = errors.Join(p.Flush(), err) }()
	manifest := m.Info().Manifest
	p.Line("%s (%s, %s)", manifest.Name, manifest.Kind, manifest.Graph.Layout)
	for _, check := range m.Proof() {
		p.Line("✓ %-10s %s", check.Name, check.Detail)
	}
	pairs, err := m.Golden()
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		p.Line("- %-10s the bundle has none, so its scores are held to nothing", "golden")
		return nil
	}
	tolerance := manifest.Golden.Tolerance
	var all []drift
	err = m.Guarded(ctx, func(ctx context.Context) (err error) {
		all, err = golden{loaded.engine(), manifest.Name, manifest.Asked(), manifest.Likelihood.Sums(), manifest.Temperature()}.compare(ctx, pairs)
		return err
	})
	if err != nil {
		return err
	}
	bad := 0
	for i, d := range all {
		if why := d.beyond(tolerance); why != "" {
			bad++
			p.Line("✗ %-10s pair %d: %s", "golden", i+1, why)
		}
	}
	if bad > 0 {
		return fmt.Errorf("bundle %s: %d of %d golden pairs drift", c.Dir, bad, len(all))
	}
	worst, at := worstDrift(all)
	same := "ids equal, "
	if manifest.ReadsFeatures() {
		same = ""
	}
	p.Line("✓ %-10s %d pairs: %slargest difference %.2g (pair %d, tolerance %g)", "golden", len(all), same, worst, at+1, tolerance)
	return nil
}
