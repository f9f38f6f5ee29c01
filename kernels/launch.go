package kernels

// The shapes of the blocks, as the kernels' files have them.
const (
	headThreads = 128
	headRows    = 4 // of a block of linear
	headUnits   = 4
	softmaxRows = 4 // of a block of softmax_rows
	copyThreads = 256
)

// onMachine is the backend of a machine.
type onMachine struct{ machine Machine }

var _ Backend = onMachine{}

// On gives the backend that runs the CUDA kernels on a machine. Like its machine it is for one goroutine at a time.
func On(machine Machine) Backend { return onMachine{machine} }

// PooledHead is [PooledHead] on the machine: one launch a layer, and one for a softmax.
func (m onMachine) PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error) {
	if err := head.check(hidden); err != nil {
		return nil, err
	}
	n := len(rows)
	if n == 0 {
		return nil, nil
	}
	f := &frame{machine: m.machine}
	x, index, source, typed := f.tensor(hidden), f.copied(bytesOf(rows)), hidden.Rows, hidden.Type
	for i, layer := range head.Layers {
		activation := Identity
		if i < len(head.Layers)-1 {
			activation = head.Activation
		} else if head.Output == Sigmoid {
			activation = fusedSigmoid
		}
		units := layer.Weight.Rows
		out := f.room(4 * n * units)
		f.launch("linear"+typed.suffix(), blocks(n, headRows), blocks(units, headUnits), headThreads, x, index, f.tensor(layer.Weight),
			f.tensor(layer.Bias), out, uint64(n), uint64(source), uint64(layer.Weight.Cols), uint64(units), uint64(activation))
		x, index, source, typed = out, 0, n, Float32
	}
	if head.Output == Softmax {
		f.launch("softmax_rows", blocks(n, softmaxRows), 1, headThreads, x, uint64(n), uint64(head.labels()))
	}
	out := f.floats(x, n*head.labels())
	return out, f.close()
}

// GatherBlocks is [Host.GatherBlocks] on the machine, in one launch.
func (m onMachine) GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error {
	if err := checkGather(pool, parts, slots, past); err != nil {
		return err
	}
	f := &frame{machine: m.machine}
	to := f.result(past)
	f.launch("gather_blocks", past.Rows, 1, copyThreads,
		f.tensor(pool), f.copied(bytesOf(slots)), to, uint64(parts), uint64(len(slots)), words(pool.Type, pool.Cols))
	f.fetch(past, to)
	return f.close()
}

// KeepBlocks is [Host.KeepBlocks] on the machine, in one launch.
func (m onMachine) KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error {
	p, err := checkKeep(pool, parts, present, tokens, slots)
	if err != nil {
		return err
	}
	f := &frame{machine: m.machine}
	to := f.tensor(pool)
	f.launch("keep_blocks", parts*len(slots), 1, copyThreads,
		f.tensor(present), f.copied(bytesOf(tokens)), f.copied(bytesOf(slots)), to, uint64(parts), uint64(present.Rows/parts), words(pool.Type, p.width))
	f.fetch(pool, to)
	return f.close()
}

// words is the size of so many numbers in the words that are copied.
func words(t Type, numbers int) uint64 { return uint64(numbers * t.Size() / wordBytes) }
