package batching_test

import (
	"context"
	"fmt"

	"github.com/assay-rm/assay/batching"
)

// lengths is a runner that reads, for every token, its position.
type lengths struct{}

func (lengths) Run(_ context.Context, plan *batching.Plan) ([][]float32, error) {
	fmt.Println(len(plan.IDs), "tokens in", plan.Tiles, "tiles")
	rows := make([][]float32, len(plan.Read))
	for i, token := range plan.Read {
		rows[i] = []float32{float32(plan.Positions[token])}
	}
	return rows, nil
}

// Two responses to one prompt: the prompt's eight tokens are computed once.
func Example() {
	batcher := batching.New(lengths{}, batching.Options{})
	done := make(chan error)
	go func() { done <- batcher.Run(context.Background()) }()

	results, err := batcher.Submit(context.Background(), batching.Caller{}, []batching.Sequence{
		{IDs: []int64{1, 2, 3, 4, 5, 6, 7, 8, 20, 21}, Positions: []int{9}},
		{IDs: []int64{1, 2, 3, 4, 5, 6, 7, 8, 30}, Positions: []int{8}},
	})
	fmt.Println(err, results[0].Values, results[1].Values, results[1].Shared)

	batcher.Close()
	fmt.Println(<-done)
	// Output:
	// 11 tokens in 3 tiles
	// <nil> [[9]] [[8]] 8
	// <nil>
}
