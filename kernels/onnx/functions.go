package onnx

import "fmt"

// operation names what a node does: one of ONNX's or ONNX Runtime's own operators, or a function of the file.
type operation struct{ domain, name string }

// calls counts the nodes of a graph or of a function by their operation. One that stands in a subgraph counts twice, in
// a subgraph of that four times, and so on, as ONNX Runtime's time to load them does.
type calls map[operation]int

// functions are a file's own. ONNX Runtime puts a function's nodes in place of each node that calls it, so that a chain
// of 17 functions that call the next one twice, in a file of 1 KB, becomes 131,072 nodes.
type functions map[operation]calls

// inlined is the count of the nodes that the calls become, or most+1 where it is more. It refuses a function that calls
// itself.
func (f functions) inlined(from calls, most int) (int, error) {
	sizes := map[operation]int{} // of functions; below 0 while one is looked at
	var sizeOf func(op operation) (int, error)
	sum := func(of calls) (int, error) {
		total := 0
		for op, count := range of {
			size, err := sizeOf(op)
			if err != nil {
				return 0, err
			}
			total = min(total+count*size, most+1)
		}
		return total, nil
	}
	sizeOf = func(op operation) (int, error) {
		body, own := f[op]
		if !own {
			return 1, nil
		}
		if size, known := sizes[op]; known {
			if size < 0 {
				return 0, fmt.Errorf("function %q calls itself", op.name)
			}
			return size, nil
		}
		sizes[op] = -1
		size, err := sum(body)
		sizes[op] = size
		return size, err
	}
	return sum(from)
}

// boundFunctions refuses functions whose calls become too many nodes.
func (r *signatureReader) boundFunctions() error {
	called := calls{} // by the graph
	for op, count := range r.calls {
		if _, own := r.functions[op]; own {
			called[op] = count
		}
	}
	nodes, err := r.functions.inlined(called, maxInlined)
	if err == nil && nodes > maxInlined {
		err = fmt.Errorf("calls of functions become more than %d nodes", maxInlined)
	}
	return err
}
