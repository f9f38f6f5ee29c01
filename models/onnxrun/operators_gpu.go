//go:build gpu

package onnxrun

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/blaslt"
	"github.com/assay-rm/assay/models/nodes"
)

// register has a session that is made with these options run the operators of domain assay by our kernels, on the
// stream that they share with the provider. release is called when the session is no more.
func (g *gpu) register(options *ort.SessionOptions, provider string, of numbers) (release func(), err error) {
	by := nodes.NewKernels(of.device, g.device, blaslt.Name)
	set, err := nodes.Register(g.runtime.API(), options, of.tensor, provider, by.All())
	if err != nil {
		return nil, err
	}
	return func() {
		set.Close()
		by.Close()
	}, nil
}

// newPools takes memory of the GPU for all parts, each for itself, since together they may be more than the driver has
// in one piece.
func (g *gpu) newPools(blocks, spare int, shape blockShape) (*pools, error) {
	p := &pools{blockShape: shape, runtime: g.runtime, memory: g.memory, blocks: blocks, spare: spare}
	p.release = func() {
		for _, address := range p.parts {
			g.device.Release(address) //nolint:errcheck // what fails here has failed a forward before
		}
	}
	for part := range shape.parts {
		address, err := g.device.Alloc(p.partBytes())
		if err != nil {
			p.release()
			return nil, fmt.Errorf("part %d of %d: %w", part+1, shape.parts, err)
		}
		p.parts = append(p.parts, address)
	}
	return p, nil
}
