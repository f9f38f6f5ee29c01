package operators

import "github.com/assay-rm/assay/kernels"

// A linear layer with int8 weights is three calls: QuantizeRows, the product of blaslt's Integers, and ScaleSums. No
// row hangs on another, so the product and ScaleSums may be called for a chunk of rows after the other, and the
// caller's memory for sums need hold one chunk only. Chunks of a multiple of 16 rows begin where cuBLASLt wants memory
// to begin. Layers that read the same rows share their levels.

// MostLevels is the inner size up to which int32 holds every sum of products of two levels, whole numbers from -127 to
// 127.
const MostLevels = 1 << 17

// QuantizeRows divides each row by a scale of its own, max|x| / 127 or 1e-30 where that is more, and rounds it to whole
// numbers from -127 to 127. Of a row that is not finite the scale is NaN and the levels are 0, so that ScaleSums gives
// NaN for it. All memory is the device's.
type QuantizeRows struct {
	Type        kernels.Type // of X
	Rows, Width int
	X           uintptr // (Rows, Width)
	Levels      uintptr // int8 (Rows, Width), written
	Scales      uintptr // float32 (Rows), written
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 16, and at most [MostLevels].
func (o QuantizeRows) Launch() (Launch, error) {
	c := &checks{operator: "QuantizeRows"}
	suffix := c.half(o.Type)
	c.size("the number of rows", o.Rows, 0, maxGridX, 1)
	c.size("the width", o.Width, 2*chunk, MostLevels, 2*chunk)
	return c.launch("quantize_rows"+suffix, o.Rows, 1, quantizeThreads,
		c.address("x", o.X, o.Rows), c.address("levels", o.Levels, o.Rows), c.floats("scales", o.Scales, o.Rows), uint64(o.Width))
}

// ScaleSums makes numbers of the sums of products of levels: sum · the column's scale · the row's scale + bias, from
// left to right, each step rounded to float32 and the last one to Type. All memory is the device's.
type ScaleSums struct {
	Type        kernels.Type // of Bias and Y
	Rows, Width int
	Sums        uintptr // int32 (Rows, Width)
	RowScales   uintptr // float32 (Rows)
	Scales      uintptr // float32 (Width)
	Bias        uintptr // (Width)
	Y           uintptr // (Rows, Width), written
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 8.
func (o ScaleSums) Launch() (Launch, error) {
	c := &checks{operator: "ScaleSums"}
	suffix := c.half(o.Type)
	c.size("the number of rows", o.Rows, 0, maxGridX, 1)
	c.size("the width", o.Width, chunk, maxCount, chunk)
	return c.launch("scale_sums"+suffix, o.Rows, blocks(o.Width, chunk*scaleThreads), scaleThreads,
		c.address("sums", o.Sums, o.Rows), c.floats("row scales", o.RowScales, o.Rows), c.address("scales", o.Scales, o.Width),
		c.address("bias", o.Bias, o.Width), c.address("y", o.Y, o.Rows), uint64(o.Width))
}
