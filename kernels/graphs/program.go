package graphs

import (
	"fmt"
	"slices"
	"sync"
)

// program is a graph with its machine, for a fixed number of rows. One run at a time.
type program struct {
	key     key
	machine machine
	feeds   map[string][]float32 // write the inputs here before a run
	states  map[string]*States   // and here what fused ops read instead
	results []*vector            // of the outputs or gradients asked for, in order
}

// key says what a program computes.
type key struct {
	rows   int
	output string // empty: the readings of all outputs; else the gradient of one column of this output
	label  int
	input  string // by this input
}

// compile makes a program of what a builder has made.
func compile(k key, b *builder, results []*vector) (*program, error) {
	machine, err := b.compile()
	if err != nil {
		return nil, fmt.Errorf("compile the head graph for %d rows: %w", k.rows, err)
	}
	return &program{key: k, machine: machine, feeds: b.feeds, states: b.states, results: results}, nil
}

// feed writes n rows of the inputs, from row from on; copies of the last fill the program up.
func (p *program) feed(inputs []Value, in given, from, n int) {
	for _, input := range inputs {
		if place := p.states[input.Name]; place != nil {
			*place = in.states[input.Name].part(from, n, p.key.rows)
		}
		feed, data := p.feeds[input.Name], in.tensors[input.Name].Data
		switch {
		case data == nil || feed == nil: // states stand for it, or nothing reads it
		case !input.Rows():
			copy(feed, data)
		default:
			width := len(feed) / p.key.rows
			copy(feed, data[from*width:(from+n)*width])
			for i := n; i < p.key.rows; i++ {
				copy(feed[i*width:], feed[(n-1)*width:n*width])
			}
		}
	}
}

// forget lets go of the states, which are the caller's.
func (p *program) forget() {
	for _, place := range p.states {
		*place = States{}
	}
}

// run computes from what is in feeds. The results stay as they are until the next run.
func (p *program) run() error {
	if err := p.machine.run(); err != nil {
		return fmt.Errorf("run the head graph: %w", err)
	}
	return nil
}

// result is the vector of a result; it belongs to the program.
func (p *program) result(i int) []float32 { return p.results[i].numbers() }

// idle is how many programs a graph keeps for later. A batch of any size is cut into batches of powers of two, so seven
// programs serve every size of one kind of run.
const idle = 16

// programs lends programs: each to one run at a time.
type programs struct {
	mu   sync.Mutex
	free []*program // guarded by mu; what was used last stands last
}

// borrow takes a program that is free, or makes one.
func (s *programs) borrow(k key, create func() (*program, error)) (*program, error) {
	s.mu.Lock()
	for i, p := range slices.Backward(s.free) {
		if p.key == k {
			s.free = slices.Delete(s.free, i, i+1)
			s.mu.Unlock()
			return p, nil
		}
	}
	s.mu.Unlock()
	return create()
}

// give puts a program back; the one that was used longest ago goes.
func (s *programs) give(p *program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == idle {
		s.free = slices.Delete(s.free, 0, 1)
	}
	s.free = append(s.free, p)
}
