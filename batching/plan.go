package batching

import (
	"fmt"
	"slices"
)

// Plan is one forward.
type Plan struct {
	IDs  []int64 // packed: [T] distinct tokens, then what [Rounding] puts behind; padded: [Rows·Length], pad id where empty
	Read []int64 // [N] indices into IDs, the last of them repeated ones where [Rounding] puts some

	// Of all its sequences, as in their [Space]: what it is to be computed with. Only the Salt may differ.
	Revision, Adapter string

	// Packed. Key indices address the P cached tokens first, then the T new ones.
	Positions     []int64  // [T] of each token in its sequences
	PastPositions []int64  // [P] of each cached token
	Tiles         int      // R
	Queries       int      // Q, query places of each tile
	Keys          int      // K, key places of each tile
	QueryIndex    []int64  // [R·Q]
	KeyIndex      []int64  // [R·K]
	KeyLen        []int64  // [R]
	Scatter       []int64  // [T]
	Targets       []int64  // [N] the id after each position read, of the same sequence; nil unless [Options.Targets]
	Past          []*Block // the cached tokens, P = BlockTokens · blocks, in the order of PastPositions
	Keep          []Keep   // blocks whose keys and values the runner is to fetch

	Device int  // the number of the device that runs it, below [Options.Devices]
	Narrow bool // to be run on the calling thread, beside others

	// Padded. Padding is on the right.
	Rows   int     // B
	Length int     // S
	Mask   []int64 // [B·S], 1 on tokens
}

// Keep is a block to be filled with the keys and values of tokens that the plan computes.
type Keep struct {
	Block  *Block
	Tokens [BlockTokens]int64 // indices into [Plan.IDs]
}

// Least sizes that keep a token's arithmetic the same in every plan, from docs/BUNDLE.md: a product with a single row
// takes another order of summation.
const (
	minQueries = 2 // Q
	minLength  = 2 // S
)

// placement says where a sequence lies in its plan.
type placement struct {
	row    int // its rows are Read[row:row+len(sequence.Positions)], and the same rows of the runner's answer
	shared int // leading tokens that it has in common with another sequence of the plan, computed once; 0 padded
}

// MakePlan packs all sequences into one plan, whatever the budget. The rows of the i-th begin at place rows[i] of
// [Plan.Read] and of the runner's answer, and are as many as its positions. The plan is the caller's; it holds no
// part of the sequences. All must be of one revision and adapter. The error is an [ErrSequence], naming the sequence.
func MakePlan(sequences []Sequence, options Options) (plan *Plan, rows []int, err error) {
	plan, placements, err := makePlan(sequences, options)
	for _, p := range placements {
		rows = append(rows, p.row)
	}
	return plan, rows, err
}

func makePlan(sequences []Sequence, options Options) (*Plan, []placement, error) {
	if len(sequences) == 0 {
		return nil, nil, fmt.Errorf("%w: none to plan", ErrSequence)
	}
	shape, space := newShape(options, nil), sequences[0].Space
	for i, sequence := range sequences {
		if err := sequence.check(options.Targets); err != nil {
			return nil, nil, fmt.Errorf("sequence %d: %w", i, err)
		}
		if sequence.Space.weights() != space.weights() {
			return nil, nil, fmt.Errorf("sequence %d: %w: not of the revision and adapter of the first", i, ErrSequence)
		}
		shape.add(sequence, cachedPrefix{}, nil)
	}
	plan := &Plan{Revision: space.Revision, Adapter: space.Adapter}
	return plan, shape.build(plan, make([]placement, 0, len(sequences))), nil
}

// shape gathers the sequences of one plan. Its buffers are reused from plan to plan.
type shape interface {
	reset()
	// add takes in the sequence, of which the cache has a prefix, unless that would go over the budget. An empty
	// shape takes any, a nil budget bounds nothing. shares tells, also of a sequence that does not fit, whether the
	// plan already computes at least half of what is to be computed of it: a member of a family that the plan has
	// begun.
	add(sequence Sequence, cached cachedPrefix, budget *Budget) (fits, shares bool)
	// addApart takes the sequence in as if it shared nothing with the others.
	addApart(sequence Sequence)
	// tokens returns the tokens to compute, padding left out.
	tokens() int
	// build writes the plan and appends the placements, in the order added.
	build(plan *Plan, placements []placement) []placement
}

func newShape(options Options, cache *cache) shape {
	var s shape
	if options.Padded {
		s = &padded{padID: options.PadID}
	} else {
		s = &packed{
			cache: cache, gather: options.cost.gather(), fetched: options.Fetched, tree: tree{shortest: options.cost.shared()},
			past: map[*Block]int{}, targets: options.Targets, rounding: options.Rounding,
			inPlace: options.InPlace, room: options.Room, bidirectional: options.Bidirectional,
		}
	}
	s.reset()
	return s
}

// area returns the attention area of the plan, as bounded by [Budget.Area].
func (p *Plan) area() int {
	return p.Tiles*p.Queries*p.Keys + p.Rows*p.Length*p.Length
}

// resize returns a slice of n elements with undefined content, in the old one's memory when it is large enough.
func resize(s []int64, n int) []int64 {
	return slices.Grow(s[:0], n)[:n]
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }
