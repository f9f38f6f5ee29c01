package kernels

import "math"

// The shapes of the blocks, as the kernels' files have them.
const (
	headThreads  = 128
	headRows     = 4 // of a block of linear
	headUnits    = 4
	softmaxRows  = 4 // of a block of softmax_rows
	tokenThreads = 256
	stepThreads  = 128
	stepItems    = 4 // of a block of step_pool
	stepPools    = 4 // min, product, mean, last
	pairSide     = 16
	copyThreads  = 256
)

// OnMachine is the backend that runs the CUDA kernels on a machine. Like its machine it is for one goroutine at a time.
type OnMachine struct{ machine Machine }

var _ Backend = (*OnMachine)(nil)

// On gives the backend of a machine.
func On(machine Machine) *OnMachine { return &OnMachine{machine} }

// PooledHead is [PooledHead] on the machine: one launch a layer, and one for a softmax.
func (m *OnMachine) PooledHead(hidden Tensor, rows []int64, head Head) ([]float32, error) {
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

// TokenLogProb is [TokenLogProb] on the machine, in one pass over the logits.
func (m *OnMachine) TokenLogProb(logits Tensor, targets []int64) ([]float32, error) {
	if err := checkLogProb(logits, targets); err != nil {
		return nil, err
	}
	f := &frame{machine: m.machine}
	result := f.room(4 * logits.Rows)
	f.launch("token_logprob"+logits.Type.suffix(), logits.Rows, 1, tokenThreads,
		f.tensor(logits), f.copied(bytesOf(targets)), result, uint64(logits.Cols))
	out := f.floats(result, logits.Rows)
	return out, f.close()
}

// StepPool is [StepPool] on the machine.
func (m *OnMachine) StepPool(logits Tensor, steps Steps, labels StepLabels) (StepScores[float32], error) {
	if err := checkSteps(logits, steps, labels); err != nil {
		return StepScores[float32]{}, err
	}
	items := len(steps.Counts)
	offsets := make([]int64, items+1)
	for i, count := range steps.Counts {
		offsets[i+1] = offsets[i] + int64(count)
	}
	f := &frame{machine: m.machine}
	scores, pools := f.room(4*len(steps.Ends)), f.room(4*stepPools*items)
	f.launch("step_pool"+logits.Type.suffix(), blocks(items, stepItems), 1, stepThreads,
		f.tensor(logits), f.copied(bytesOf(steps.Ends)), f.copied(bytesOf(offsets)), f.copied(bytesOf(labels.rightFirst())), scores, pools,
		uint64(logits.Rows), uint64(logits.Cols), uint64(items), uint64(len(labels.Columns)), uint64(len(labels.Right)), uint64(labels.Output))
	out := StepScores[float32]{Scores: f.floats(scores, len(steps.Ends))}
	pooled := f.floats(pools, stepPools*items)
	for i := 0; i < len(pooled); i += stepPools {
		out.Min, out.Product = append(out.Min, pooled[i]), append(out.Product, pooled[i+1])
		out.Mean, out.Last = append(out.Mean, pooled[i+2]), append(out.Last, pooled[i+3])
	}
	return out, f.close()
}

// rightFirst is the columns in the kernel's order: those that mean right, then the others.
func (l StepLabels) rightFirst() []int64 {
	var right, others []int64
	named := map[int]bool{}
	for _, at := range l.Right {
		right, named[at] = append(right, l.Columns[at]), true
	}
	for at, column := range l.Columns {
		if !named[at] {
			others = append(others, column)
		}
	}
	return append(right, others...)
}

// Preferences is [Preferences] on the machine.
func (m *OnMachine) Preferences(embeddings Tensor, rule PreferenceRule) ([]float32, error) {
	if err := rule.check(embeddings); err != nil {
		return nil, err
	}
	n, normalize := embeddings.Rows, uint64(0)
	if rule.Normalize {
		normalize = 1
	}
	f := &frame{machine: m.machine}
	result := f.room(4 * n * n)
	f.launch("preference"+embeddings.Type.suffix(), blocks(n, pairSide), blocks(n, pairSide), pairSide*pairSide,
		f.tensor(embeddings), f.copied(bytesOf(rule.Scale)), result, uint64(n), uint64(embeddings.Cols/2), normalize,
		uint64(math.Float32bits(float32(rule.Temperature))))
	out := f.floats(result, n*n)
	return out, f.close()
}

// GatherBlocks is [GatherBlocks] on the machine, in one launch.
func (m *OnMachine) GatherBlocks(pool Tensor, parts int, slots []int64, past Tensor) error {
	if err := checkGather(pool, parts, slots, past); err != nil {
		return err
	}
	f := &frame{machine: m.machine}
	to := f.result(past)
	f.launch("gather_blocks", past.Rows, 1, copyThreads,
		f.tensor(pool), f.copied(bytesOf(slots)), to, uint64(parts), uint64(len(slots)), uint64(pool.Cols))
	f.fetch(past, to)
	return f.close()
}

// KeepBlocks is [KeepBlocks] on the machine, in one launch.
func (m *OnMachine) KeepBlocks(pool Tensor, parts int, present Tensor, tokens, slots []int64) error {
	p, err := checkKeep(pool, parts, present, tokens, slots)
	if err != nil {
		return err
	}
	f := &frame{machine: m.machine}
	to := f.tensor(pool)
	f.launch("keep_blocks", parts*len(slots), 1, copyThreads,
		f.tensor(present), f.copied(bytesOf(tokens)), f.copied(bytesOf(slots)), to, uint64(parts), uint64(present.Rows/parts), uint64(p.width))
	f.fetch(pool, to)
	return f.close()
}
