// Command headrun runs head graphs as the server does: it reads {"file", "rows", "width", "input", "data"} from
// standard input, one JSON object a graph, and writes each graph's outputs by name. The parity tests build it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/assay-rm/assay/kernels/graphs"
)

// asked is one graph with rows for its only input.
type asked struct {
	File, Input string
	Rows, Width int
	Data        []float32
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var a asked
		err := in.Decode(&a)
		if errors.Is(err, io.EOF) {
			return
		}
		var outputs map[string]graphs.Tensor
		if err == nil {
			outputs, err = run(a)
		}
		if err == nil {
			err = out.Encode(outputs)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "headrun:", err)
			os.Exit(1)
		}
	}
}

func run(a asked) (map[string]graphs.Tensor, error) {
	data, err := os.ReadFile(a.File)
	if err != nil {
		return nil, err
	}
	graph, err := graphs.Load(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.File, err)
	}
	outputs, err := graph.Run(map[string]graphs.Tensor{a.Input: {Dims: []int{a.Rows, a.Width}, Data: a.Data}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.File, err)
	}
	return outputs, nil
}
