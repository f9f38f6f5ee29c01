package kernels

// Backend computes the kernels in float32. PooledHead takes what the function [PooledHead] takes, and gives the same up
// to rounding; the copies are those of [Host], to the bit. Only a device's backend takes tensors that lie on its
// device.
type Backend interface {
	PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error)
	GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error
	KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error
}

// Host is the backend of a machine without a GPU: the head's definition in float64, its result rounded, and the
// definitions of the copies. Any number of goroutines may use it.
type Host struct{}

var _ Backend = Host{}

// PooledHead is [PooledHead], rounded.
func (Host) PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error) {
	out, err := PooledHead(hidden, rows, head)
	return rounded(out), err
}

func rounded(numbers []float64) []float32 {
	out := make([]float32, len(numbers))
	for i, x := range numbers {
		out[i] = float32(x)
	}
	return out
}
