package manifest

import (
	"math"
	"slices"
	"strings"
)

// Words of graph.compute: the types that a graph may multiply in.
const (
	computeFloat32  = "float32"
	computeFloat16  = "float16"
	computeBFloat16 = "bfloat16"
)

var computes = []string{computeFloat32, computeFloat16, computeBFloat16}

// leastTolerance is what golden pairs may differ by at least: what float32 was seen to differ by between processors,
// and somewhat more.
const leastTolerance = 1e-4

// precisionInt4 has the weights of linear layers in four bits, of which numbers of graph.compute are made.
const precisionInt4 = "int4"

// graphDrift is what computing in 16 bits or in integers, and storing weights in four bits, was seen to change,
// measured by the exporter against float32.
type graphDrift struct {
	Score float64 `yaml:"score"` // largest difference of a score, relative where the float32 graph's is above 1
	Order float64 `yaml:"order"` // share of the pairs of items that keep their order
	Items int     `yaml:"items"`

	// Computed is what computing alone changes, of a graph whose weights are narrower than what it computes in.
	Computed *float64 `yaml:"computed,omitempty"`
}

// Tolerance is what golden pairs of a graph with this drift may differ by: twice what was seen to change,
// since the other side of the pair, or another device, may be as far off.
func (d *graphDrift) Tolerance() float64 { return max(leastTolerance, 2*d.Score) }

// Moved is what a score may move by where its sums are ordered otherwise: as Tolerance, but without what weights have
// lost for good, which moves nothing.
func (d *graphDrift) Moved() float64 {
	if d.Computed != nil {
		return max(leastTolerance, 2**d.Computed)
	}
	return d.Tolerance()
}

// Halves tells whether the graph computes in 16 bits, of which its keys and values are too.
func (g *Graph) Halves() bool { return g.Compute == computeFloat16 || g.BFloat16() }

// BFloat16 tells whether these 16 bits are the upper half of a float32.
func (g *Graph) BFloat16() bool { return g.Compute == computeBFloat16 }

// Fused tells whether attention is an operator of the graph: it is of the form with graph.compute, whose sums the
// library orders, and not the graph.
func (g *Graph) Fused() bool { return g.Compute != "" }

// operatorsAssay is the one word of graph.operators.
const operatorsAssay = "assay"

// Assay tells whether the graph's layers are operators of that domain.
func (g *Graph) Assay() bool { return g.Operators == operatorsAssay }

// Pooled tells whether keys and values lie in pools that these operators read and write where they are. A graph whose
// tokens see their whole sequence keeps none.
func (g *Graph) Pooled() bool { return g.Assay() && !g.Bidirectional() }

// narrower tells whether weights are stored in fewer bits than the graph computes in: in four, or as int8 that linear
// layers of domain assay multiply by int8.
func (g *Graph) narrower() bool {
	return g.Compute != "" && g.Precision == precisionInt4 || g.Assay() && g.Precision == "int8"
}

// checkCompute checks what the graph computes in, and what was seen of it.
func (s *spec) checkCompute(check checker) {
	g := s.Graph
	if g.Compute != "" {
		check(slices.Contains(computes, g.Compute), "graph.compute is %q, and must be one of %s", g.Compute, strings.Join(computes, ", "))
		check(g.Layout == layoutPacked, "graph.compute is for the packed layout, and the layout is %s", g.Layout)
		check(g.Precision == g.Compute || g.narrower(), "graph.precision is %s, and a graph that computes in %s stores its weights so, or as int4, "+
			"or as int8 with graph.operators assay", g.Precision, g.Compute)
	}
	if g.Precision == precisionInt4 {
		check(g.Compute != "", "graph.compute is missing, and graph.precision int4 needs it")
		check(g.Operators == "", "graph.precision is int4, which no operator of domain %s reads", g.Operators)
	}
	if g.Operators != "" {
		check(g.Assay(), "graph.operators is %q, and must be assay", g.Operators)
		check(g.Compute != "", "graph.compute is missing, and graph.operators needs it")
	}
	rounds, d := g.Halves() || g.narrower(), g.Drift
	if d == nil {
		check(!rounds, "graph.drift is missing, and graph.compute %s with precision %s needs it", g.Compute, g.Precision)
		return
	}
	check(rounds, "graph.drift is for graph.compute float16 and bfloat16, and for precision int8 and int4 beside it: of float32 nothing is measured")
	check((d.Computed != nil) == g.narrower(), "graph.drift.computed is for weights that are narrower than graph.compute, which need it")
	check(d.Computed == nil || *d.Computed >= 0 && !math.IsInf(*d.Computed, 0), "graph.drift.computed must be finite and not negative")
	check(s.Drift == nil, "drift does not go with graph.drift, which is of the whole graph")
	check(d.Items > 0, "graph.drift.items is %d, and must be positive", d.Items)
	check(d.Score >= 0 && !math.IsInf(d.Score, 0), "graph.drift.score is %g, and must be finite and not negative", d.Score)
	check(d.Order >= 0 && d.Order <= 1, "graph.drift.order is %g, and must be a share", d.Order)
	check(s.Golden.Tolerance <= d.Tolerance(), "golden.tolerance is %g, and graph.drift.score %g allows %g", s.Golden.Tolerance, d.Score, d.Tolerance())
}
