package batching

// Rounding says to which sizes a packed plan is filled up, where its runner has kernels for these alone or computes
// faster. A key place that is put behind lies beyond its tile's KeyLen, a token that is put behind stands in no list of
// keys, and a reading that is put behind belongs to no sequence: they change nothing. What a plan costs and what its
// attention takes are counted with them. The zero value fills nothing up.
type Rounding struct {
	Keys   int // K is a multiple of it
	Tokens int // T is a multiple of it,
	Least  int // and at least this
	Reads  int // N is a multiple of it
}

// keys are the key places of a tile whose longest list is so long.
func (r Rounding) keys(longest int) int { return roundUp(longest, r.Keys) }

// tokens are what a plan of n tokens is filled up to.
func (r Rounding) tokens(n int) int { return roundUp(max(n, r.Least), r.Tokens) }

// fill puts tokens and readings behind those of the plan. The tokens are of id 0 at position 0, and their results those
// of the first query place; the readings are the first one again.
func (r Rounding) fill(plan *Plan) {
	tokens := r.tokens(len(plan.IDs)) - len(plan.IDs)
	plan.IDs, plan.Positions, plan.Scatter = zeros(plan.IDs, tokens), zeros(plan.Positions, tokens), zeros(plan.Scatter, tokens)
	reads := len(plan.Read)
	for range roundUp(reads, r.Reads) - reads {
		plan.Read = append(plan.Read, plan.Read[0])
		if plan.Targets != nil {
			plan.Targets = append(plan.Targets, plan.Targets[0])
		}
	}
}

// zeros appends n zeros.
func zeros(s []int64, n int) []int64 {
	for range n {
		s = append(s, 0)
	}
	return s
}

// roundUp is the least multiple that is not below n; one of 0 is n itself.
func roundUp(n, multiple int) int {
	if multiple <= 1 {
		return n
	}
	return ceilDiv(n, multiple) * multiple
}
