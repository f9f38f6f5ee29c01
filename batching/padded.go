package batching

// padded is the shape of a padded plan: a row for each sequence, all as long as the longest.
type padded struct {
	padID   int64
	rows    []Sequence
	longest int
	total   int // tokens of all rows, without padding
}

func (p *padded) reset() {
	clear(p.rows)
	p.rows = p.rows[:0]
	p.longest, p.total = 0, 0
}

func (p *padded) tokens() int { return p.total }

// add refuses, beside what is over budget, a sequence that would make more than a quarter of the plan padding: it is
// better off in a plan of its like. Rows share nothing, so shares is false.
func (p *padded) add(sequence Sequence, _ cachedPrefix, budget *Budget) (fits, shares bool) {
	longest, total := max(p.longest, len(sequence.IDs)), p.total+len(sequence.IDs)
	if budget != nil && len(p.rows) > 0 {
		rows, length := len(p.rows)+1, max(longest, minLength)
		if rows*length > budget.Tokens || rows*length*length > budget.Area {
			return false, false
		}
		if 4*total < 3*rows*longest {
			return false, false
		}
	}
	p.longest, p.total = longest, total
	p.rows = append(p.rows, sequence)
	return true, false
}

func (p *padded) addApart(sequence Sequence) { p.add(sequence, cachedPrefix{}, nil) }

func (p *padded) build(plan *Plan, placements []placement) []placement {
	plan.Rows, plan.Length = len(p.rows), max(p.longest, minLength)
	plan.IDs = resize(plan.IDs, plan.Rows*plan.Length)
	plan.Mask = resize(plan.Mask, plan.Rows*plan.Length)
	plan.Read = plan.Read[:0]
	for i, row := range p.rows {
		start, end := i*plan.Length, (i+1)*plan.Length
		pad := start + copy(plan.IDs[start:end], row.IDs)
		fill(plan.IDs[pad:end], p.padID)
		fill(plan.Mask[start:pad], 1)
		fill(plan.Mask[pad:end], 0)
		placements = append(placements, placement{row: len(plan.Read)})
		for _, position := range row.Positions {
			plan.Read = append(plan.Read, int64(start+position))
		}
	}
	return placements
}
