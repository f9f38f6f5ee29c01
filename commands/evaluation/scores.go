package evaluation

import (
	"fmt"

	"github.com/assay-rm/assay/commands/evaluation/samples"
)

// scores gather what the rows of one file came to under one model. They keep a few numbers of each row.
type scores struct {
	format *format
	rows   int
	names  []string // of the splits, in the order in which they came
	splits map[string]*split
	first  string // of the rows without a score: its line, and why it has none

	responses int // of every best-of row; −1 where rows differ
}

// split is one part of the data.
type split struct {
	sample *samples.Sample
	failed int
	join   joiner
	keys   []string // in the order in which they came
	parts  map[string]*parts
}

// parts are the examples of one unit that came so far.
type parts struct {
	numbers [][]float64
	failed  bool
}

func newScores(f *format) *scores { return &scores{format: f, splits: map[string]*split{}} }

// add takes the outcomes of the row of a line.
func (s *scores) add(line int, all []outcome) {
	s.rows++
	for i := range all {
		o := &all[i]
		at := s.split(o.Split)
		switch {
		case o.Err != "":
			if s.first == "" {
				s.first = fmt.Sprintf("line %d: %s", line, o.Err)
			}
			if o.Key == "" {
				at.failed++
			} else {
				at.part(o.Key).failed = true
			}
		case o.Key != "":
			part := at.part(o.Key)
			part.numbers = append(part.numbers, o.Numbers)
		default:
			at.sample.Add(o.Numbers)
		}
		if s.format.name == "best-of" && o.Err == "" {
			s.sized(int(o.Numbers[2]))
		}
	}
}

func (s *scores) split(name string) *split {
	at := s.splits[name]
	if at == nil {
		at = &split{sample: &samples.Sample{Family: s.format.family(name)}, parts: map[string]*parts{}}
		if s.format.join != nil {
			at.join = s.format.join(name)
		}
		s.splits[name] = at
		s.names = append(s.names, name)
	}
	return at
}

func (s *split) part(key string) *parts {
	at := s.parts[key]
	if at == nil {
		at = &parts{}
		s.parts[key] = at
		s.keys = append(s.keys, key)
	}
	return at
}

// sized notes how many responses a row has.
func (s *scores) sized(n int) {
	switch s.responses {
	case 0:
		s.responses = n
	case n:
	default:
		s.responses = -1
	}
}

// finish makes units of what belongs together. Where one example of a unit has no score, or one is missing without
// which there is none, the unit fails as a whole: it would be scored by what happened to be there otherwise.
func (s *scores) finish() {
	for _, name := range s.names {
		at := s.splits[name]
		for _, key := range at.keys {
			part := at.parts[key]
			var unit []float64
			if !part.failed {
				unit = at.join(part.numbers)
			}
			if unit == nil {
				at.failed++
				if s.first == "" {
					s.first = fmt.Sprintf("the rows of %s in split %s: right and wrong ones are needed", key, name)
				}
				continue
			}
			at.sample.Add(unit)
		}
		at.keys, at.parts = nil, nil
	}
}

// failed counts the units without a score.
func (s *scores) failed() (n int) {
	for _, at := range s.splits {
		n += at.failed
	}
	return n
}

// measure is the name of what was measured, in the short report.
func (s *scores) measure() string {
	switch {
	case s.format.name == "best-of" && s.responses > 0:
		return fmt.Sprintf("best_of_%d", s.responses)
	case s.format.name == "best-of":
		return "best_of_n"
	}
	return s.format.name
}
