package processortest

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// Run computes a call: a struct of package operators with addresses of this machine, or a [Linear].
func (m *Machine) Run(call any) (err error) {
	defer func() { err = errors.Join(err, m.intact()) }()
	switch o := call.(type) {
	case operators.AddRmsNorm:
		m.norm(m.table.add_rms_norm, operators.AddLayerNorm{
			Type: o.Type, Tokens: o.Tokens, Width: o.Width, Residual: o.Residual, X: o.X, Weight: o.Weight, Epsilon: o.Epsilon, Normed: o.Normed, Flows: o.Summed,
		})
	case operators.AddLayerNorm:
		m.norm(m.table.add_layer_norm, o)
	case operators.Gelu:
		m.rows(m.table.gelu, C.AssayRows{_type: C.int32_t(o.Type), rows: C.int64_t(o.Tokens), width: C.int64_t(o.Width), x: pointer(o.X), y: pointer(o.Out)})
	case operators.SwiGLU:
		kernel := m.table.swiglu
		if o.GELU {
			kernel = m.table.geglu
		}
		m.rows(kernel, C.AssayRows{_type: C.int32_t(o.Type), rows: C.int64_t(o.Tokens), width: C.int64_t(o.Width), x: pointer(o.GateUp), y: pointer(o.Out)})
	case operators.QuantizeRows:
		m.rows(m.table.quantize_rows, C.AssayRows{
			_type: C.int32_t(o.Type), rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), x: pointer(o.X), y: pointer(o.Levels), flows: floats(o.Scales),
		})
	case operators.Rotate:
		return m.rotate(o)
	case operators.TileAttention:
		return m.attention(o)
	case Linear:
		return m.linear(o)
	default:
		return fmt.Errorf("there is no kernel for %T", call)
	}
	return nil
}

// each runs a kernel's tasks, the last first.
func (m *Machine) each(task C.AssayTask, arguments unsafe.Pointer, tasks int) {
	var left atomic.Int64
	left.Store(int64(tasks))
	var all sync.WaitGroup
	for range max(m.Threads, 1) {
		all.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				C.run_task(task, arguments, C.size_t(i))
			}
		})
	}
	all.Wait()
}

// kept is a copy of arguments in C's memory, which several threads may read.
func kept[T any](arguments T) (unsafe.Pointer, func()) {
	memory := C.malloc(C.size_t(unsafe.Sizeof(arguments)))
	*(*T)(memory) = arguments
	return memory, func() { C.free(memory) }
}

func (m *Machine) rows(task C.AssayTask, a C.AssayRows) {
	a.per_task = C.int64_t(max(m.Share, 1))
	arguments, free := kept(a)
	defer free()
	m.each(task, arguments, ceiling(int(a.rows), int(a.per_task)))
}

// zeroed is memory of zeros for what a call leaves out.
func (m *Machine) zeroed(bytes int) uintptr {
	address, err := m.Alloc(bytes)
	if err != nil {
		panic(err)
	}
	clear(m.bytes(address))
	return address
}

func (m *Machine) norm(task C.AssayTask, o operators.AddLayerNorm) {
	if o.Residual == 0 {
		o.Residual = m.zeroed(4 * o.Tokens * o.Width)
		defer m.Free(o.Residual) //nolint:errcheck // it is live
	}
	if o.Bias == 0 {
		o.Bias = m.zeroed(4 * o.Width)
		defer m.Free(o.Bias) //nolint:errcheck // it is live
	}
	a := C.AssayRows{
		_type: C.int32_t(o.Type), rows: C.int64_t(o.Tokens), width: C.int64_t(o.Width), x: pointer(o.X), residual: floats(o.Residual),
		weight: floats(o.Weight), bias: floats(o.Bias), y: pointer(o.Normed), flows: floats(o.Flows), epsilon: C.float(o.Epsilon),
	}
	if o.Behind {
		a.behind = 1
	}
	m.rows(task, a)
}

// rotate gives the pools one row more, the last, for tokens whose slot is none: the processors' kernel takes a slot
// below 0 for one that is counted from the end.
func (m *Machine) rotate(o operators.Rotate) error {
	a := C.AssayRotate{
		tokens: C.int64_t(o.Tokens), per_task: C.int64_t(max(m.Share, 1)), places: C.int64_t(o.Places), heads: C.int64_t(o.Heads), groups: C.int64_t(o.Groups),
		size: C.int64_t(o.Size), turned: C.int64_t(o.Turned), qkv: pointer(o.QKV), positions: integers(o.Positions), rows: C.int64_t(o.Slots),
		cosines: floats(o.Cos), sines: floats(o.Sin), query_norm: floats(o.QueryNorm), key_norm: floats(o.KeyNorm), queries: pointer(o.Queries),
		keys: pointer(o.KeyPool), values: pointer(o.ValuePool), epsilon: C.float(o.Epsilon), _type: C.int32_t(o.Type),
	}
	row := o.Groups * o.Size * o.Type.Size()
	if o.TokenSlots != 0 {
		keys, values := m.zeroed((o.Slots+1)*row), m.zeroed((o.Slots+1)*row)
		copy(m.bytes(keys), m.bytes(o.KeyPool))
		copy(m.bytes(values), m.bytes(o.ValuePool))
		a.slots, a.rows, a.keys, a.values = integers(o.TokenSlots), C.int64_t(o.Slots+1), pointer(keys), pointer(values)
		defer func() {
			copy(m.bytes(o.KeyPool), m.bytes(keys)[:o.Slots*row])
			copy(m.bytes(o.ValuePool), m.bytes(values)[:o.Slots*row])
			m.Free(keys)   //nolint:errcheck // it is live
			m.Free(values) //nolint:errcheck // it is live
		}()
	}
	arguments, free := kept(a)
	defer free()
	m.each(m.table.rotate, arguments, ceiling(o.Tokens, int(a.per_task)))
	return m.intact()
}

// attention cuts the tokens of each tile into parts, as models/nodes does.
func (m *Machine) attention(o operators.TileAttention) error {
	most := C.ASSAY_ATTENTION_ROWS / (o.Heads / o.Groups)
	if m.Share > 0 {
		most = min(most, m.Share)
	}
	scatter := unsafe.Slice((*int64)(pointer(o.ScatterIndex)), o.Tokens)
	starts, order, parts := make([]int32, o.Tiles+1), []int32{}, []int32{}
	for tile := range o.Tiles {
		first := len(order)
		for token, place := range scatter {
			if int(place)/o.TileQueries == tile {
				order = append(order, int32(token))
			}
		}
		for at := first; at < len(order); at += most {
			parts = append(parts, int32(tile), int32(at))
		}
		starts[tile+1] = int32(len(order))
	}
	room := m.zeroed(4*(len(starts)+len(order)+len(parts)) + 4)
	defer m.Free(room) //nolint:errcheck // it is live
	numbers := unsafe.Slice((*int32)(pointer(room)), len(starts)+len(order)+len(parts)+1)
	copy(numbers, starts)
	copy(numbers[len(starts):], order)
	copy(numbers[len(starts)+len(order):], parts)
	at := func(i int) *C.int32_t { return (*C.int32_t)(unsafe.Pointer(&numbers[i])) }
	a := C.AssayAttention{
		tokens: C.int64_t(o.Tokens), heads: C.int64_t(o.Heads), groups: C.int64_t(o.Groups), size: C.int64_t(o.Size), tiles: C.int64_t(o.Tiles),
		tile_queries: C.int64_t(o.TileQueries), tile_keys: C.int64_t(o.TileKeys), slots: C.int64_t(o.Slots), queries: pointer(o.Queries),
		key_pool: pointer(o.KeyPool), value_pool: pointer(o.ValuePool), positions: integers(o.Positions), query_index: integers(o.QueryIndex),
		key_slots: integers(o.KeySlots), key_len: integers(o.KeyLen), scatter_index: integers(o.ScatterIndex), mixed: pointer(o.Out),
		scale: C.float(o.Scale), softcap: C.float(o.Softcap), window: C.int64_t(o.Window), _type: C.int32_t(o.Type),
		starts: at(0), order: at(len(starts)), parts: at(len(starts) + len(order)), part_count: C.int64_t(len(parts) / 2), part_tokens: C.int64_t(most),
		failed: at(len(numbers) - 1),
	}
	if o.Causal {
		a.causal = 1
	}
	arguments, free := kept(a)
	defer free()
	m.each(m.table.attention, arguments, len(parts)/2*o.Groups)
	if numbers[len(numbers)-1] != 0 {
		return errors.New("attention: there was no memory")
	}
	return nil
}

// Linear is y = x · weightᵀ + bias. All memory is the machine's.
type Linear struct {
	Type                  kernels.Type // of Bias and Y, and of X and Weight unless these are int8
	Rows, Inputs, Outputs int
	X, Weight             uintptr // (Rows, Inputs), (Outputs, Inputs)
	Bias                  uintptr // (Outputs)
	RowScale, Scale       uintptr // float32 (Rows), (Outputs), of X and Weight of int8; both 0: they are of Type
	Y                     uintptr // (Rows, Outputs), written
}

func (m *Machine) linear(o Linear) error {
	run, free := m.Prepare(o)
	defer free()
	run()
	return m.intact()
}

// Prepare packs the weights of a product, which run computes as often as it is called. free frees what was packed.
func (m *Machine) Prepare(o Linear) (run, free func()) {
	kind, per := int(o.Type), 4/o.Type.Size()
	if o.Scale != 0 {
		kind, per = C.ASSAY_I8, 4
	}
	panels := ceiling(o.Outputs, 32)
	of := C.AssayWeights{outputs: C.int64_t(o.Outputs), inputs: C.int64_t(o.Inputs), words: C.int64_t(ceiling(o.Inputs, per)), kind: C.int32_t(kind)}
	packed, sums := m.zeroed(int(C.packed_bytes(m.packing, &of))), m.zeroed(4*32*panels)
	for panel := range C.int64_t(panels) {
		C.pack(m.packing, &of, pointer(o.Weight), pointer(packed), (*C.int32_t)(pointer(sums)), panel, panel+1)
	}
	of.packed, of.sums = pointer(packed), (*C.int32_t)(pointer(sums))
	block, share := int(m.table.block_rows[kind]), max(m.Share, 1)
	blocks := ceiling(o.Rows, block)
	room := m.zeroed(blocks * block * int(of.words) * 8)
	a := C.AssayLinear{
		of: of, rows: C.int64_t(o.Rows), _type: C.int32_t(o.Type), pack_tasks: C.int64_t(ceiling(blocks, share)),
		tasks_over_rows: C.int64_t(ceiling(blocks, share)), tasks_over_panels: C.int64_t(ceiling(panels, share)), x: pointer(o.X), bias: pointer(o.Bias),
		scale: floats(o.Scale), row_scale: floats(o.RowScale), blocks: pointer(room), y: pointer(o.Y),
	}
	arguments, freeArguments := kept(a)
	run = func() {
		m.each(m.table.pack_rows[kind], arguments, int(a.pack_tasks))
		m.each(m.table.multiply[kind], arguments, int(a.tasks_over_rows*a.tasks_over_panels))
	}
	return run, func() {
		freeArguments()
		for _, address := range []uintptr{packed, sums, room} {
			m.Free(address) //nolint:errcheck // it is live
		}
	}
}

func ceiling(n, each int) int { return (n + each - 1) / each }

func floats(address uintptr) *C.float     { return (*C.float)(pointer(address)) }
func integers(address uintptr) *C.int64_t { return (*C.int64_t)(pointer(address)) }
