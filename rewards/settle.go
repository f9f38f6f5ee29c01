package rewards

import (
	"cmp"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// settle gives the responses of a group their rewards by one another, and tells the group's values. A response that has
// no outcome, or cannot be compared to the others, has its error, and the others are rewarded as if it were not there.
func (c *composing) settle(read []gathered, group int, results []Result, outcomes []recipes.Outcome) map[string]float64 {
	tables := map[string]*matched{}
	for i := range c.components {
		one := &c.components[i]
		if one.rule == nil {
			continue
		}
		m := newMatched(len(results))
		one.rule.match(one.of(read, group), m)
		m.settle()
		for k := range results {
			if err := m.rated[k].Err; err != nil {
				results[k].Parts[i].Err = err
				results[k].Err = cmp.Or(results[k].Err, err.Within("reading "+one.reading.Name))
				results[k].Score, results[k].Values, results[k].Vectors = 0, nil, nil
			} else {
				results[k].Parts[i].Score, results[k].Parts[i].Tokens = ops.Some(m.rated[k].Score), m.rated[k].Tokens
			}
		}
		tables[one.reading.Name] = m
	}
	members := whoMet(results, tables)
	if len(members) == 0 {
		return nil
	}
	of, between := make([]recipes.Outcome, len(members)), map[string]ops.Matrix{}
	for k, at := range members {
		of[k] = outcomes[at]
	}
	for name, m := range tables {
		between[name] = among(m.chances, members)
	}
	rewards, values, why := c.rewarded(of, between)
	for k, at := range members {
		if why != nil {
			results[at].Score, results[at].Values, results[at].Vectors = 0, nil, nil
			results[at].Err = why
			continue
		}
		results[at].Score = rewards[k]
	}
	return values
}

// rewarded evaluates a group, or says why it has no rewards.
func (c *composing) rewarded(of []recipes.Outcome, between map[string]ops.Matrix) ([]float64, map[string]float64, *failure.Error) {
	if why := c.spend(len(of)); why != nil {
		return nil, nil, why
	}
	rewards, values, err := c.EvaluateGroup(c.params, of, between)
	if err != nil {
		return nil, nil, failure.New(failure.CodeRecipe, "recipe %q has no numbers for these responses: %v", c.Name, err)
	}
	return rewards, values, nil
}

// whoMet lists the members of a group: the responses that have an outcome and a preference to every other member. While
// some two have none, the one that lacks most, the last of equal ones, is no member.
func whoMet(results []Result, tables map[string]*matched) []int {
	var members []int
	for k := range results {
		if results[k].Err == nil {
			members = append(members, k)
		}
	}
	for {
		worst, most, why := 0, 0, (*failure.Error)(nil)
		for place, k := range members {
			if n, because := lacks(k, members, tables); n > 0 && n >= most {
				worst, most, why = place, n, because
			}
		}
		if most == 0 {
			return members
		}
		at := members[worst]
		results[at].Err = why
		results[at].Score, results[at].Values, results[at].Vectors = 0, nil, nil
		members = append(members[:worst:worst], members[worst+1:]...)
	}
}

// lacks counts the preferences to members that a response lacks, and says why it lacks one.
func lacks(k int, members []int, tables map[string]*matched) (n int, why *failure.Error) {
	for name, m := range tables {
		for _, j := range members {
			if !m.chances.Row(k)[j].Known {
				n++
				why = cmp.Or(m.beside[k], m.unmatched).Within("reading " + name)
			}
		}
	}
	return n, why
}

// among is the part of a matrix that is of the members.
func among(of ops.Matrix, members []int) ops.Matrix {
	m := ops.NewMatrix(len(members), len(members))
	for k, i := range members {
		for l, j := range members {
			m.Row(k)[l] = of.Row(i)[j]
		}
	}
	return m
}
