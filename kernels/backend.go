package kernels

// Backend computes the kernels in float32. Its methods take what the functions of the same names take, and give the same up to
// rounding, or for copies the same bits; only a device's backend takes tensors that lie on its device.
type Backend interface {
	PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error)
	GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error
	KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error
}

// Host is the backend of a machine without a GPU: the definitions in float64, their results rounded. Any number of goroutines
// may use it.
type Host struct{}

var _ Backend = Host{}

// PooledHead is [PooledHead], rounded.
func (Host) PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error) {
	out, err := PooledHead(hidden, rows, head)
	return rounded(out), err
}

// GatherBlocks is [GatherBlocks].
func (Host) GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error {
	return GatherBlocks(pool, parts, slots, past)
}

// KeepBlocks is [KeepBlocks].
func (Host) KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error {
	return KeepBlocks(pool, parts, present, tokens, slots)
}

func rounded(numbers []float64) []float32 {
	out := make([]float32, len(numbers))
	for i, x := range numbers {
		out[i] = float32(x)
	}
	return out
}
