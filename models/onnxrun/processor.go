package onnxrun

import (
	"fmt"
	"strings"

	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Processor says by which instructions graphs of domain assay are computed on this machine's processors.
func Processor() string {
	best := processor.Best()
	var products []string
	for of := processor.Float32; of <= processor.Int8; of++ {
		instructions, _ := best.Products(of)
		products = append(products, fmt.Sprintf("%s by %s", of, instructions))
	}
	return fmt.Sprintf("%s; products of %s", best, strings.Join(products, ", "))
}

// kindOf is what the weights of a graph of domain assay are made of.
func kindOf(g *manifest.Graph) processor.Kind {
	if g.Precision == "int8" {
		return processor.Int8
	}
	return processor.Kind(numbersOf(g).device)
}

// Products names the instructions by which the linear layers of a graph of domain assay are multiplied on processors.
// It is empty where ONNX Runtime has kernels of its own, or a GPU has.
func (s *Session) Products() string {
	if s.device.OnGPU() || !s.graph.Assay() {
		return ""
	}
	instructions, _ := processor.Best().Products(kindOf(s.graph))
	return instructions
}

// Slow says what a graph costs whose precision this machine's processors have no instructions for. It is empty where
// they have, and where the graph has no operators of domain assay.
func (s *Session) Slow() string { return s.device.slow(s.graph, processor.Best()) }

func (d Device) slow(g *manifest.Graph, tier processor.Tier) string {
	if d.OnGPU() || !g.Assay() {
		return ""
	}
	kind := kindOf(g)
	instructions, fast := tier.Products(kind)
	if fast {
		return ""
	}
	field, cost := "graph.compute", "that saves memory, and is no faster than float32"
	if kind == processor.Int8 {
		field = "graph.precision"
	}
	if _, vectors := tier.Products(processor.Float32); !vectors {
		cost = "that takes many times as long as with AVX2 or AVX-512"
	}
	return fmt.Sprintf("%s is %s, and this processor multiplies it by %s: %s", field, kind, instructions, cost)
}

// checkFast refuses what would be slow, where the device is to be fast.
func (d Device) checkFast(g *manifest.Graph, tier processor.Tier) error {
	slow := d.slow(g, tier)
	if !d.Fast || slow == "" {
		return nil
	}
	other := "with assay-export --compute float32 --operators assay"
	if _, vectors := tier.Products(processor.Float32); !vectors {
		other = "without --operators"
	}
	return fault.New(fault.CodeDevice, "%s: leave out --require-fast, or export the checkpoint %s", slow, other)
}
