package nodes

import (
	"fmt"
	"math"
	"unsafe"
)

// numbers are those of a tensor on the host.
func numbers[T float32 | int64 | int8](t Tensor) []T {
	return unsafe.Slice(*(**T)(unsafe.Pointer(&t.Address)), t.Elements())
}

// plain computes the operators on the processors, in float32, as their definitions say it: one loop after the other.
func plain(calls map[string]int) map[string]Compute {
	by := map[string]Compute{
		"AddRmsNorm": addRmsNorm, "AddLayerNorm": addLayerNorm, "Linear": linear, "QuantizeRows": quantizeRows, "Linear8": linear8,
		"Rotate": rotate, "RotateQkv": rotateQkv, "TileAttention": tileAttention, "SwiGLU": swiGLU, "GeGLU": geGLU, "Gelu": gelu,
	}
	for name, run := range by {
		by[name] = func(c *Call) error {
			calls[name]++
			return run(c)
		}
	}
	return by
}

func addRmsNorm(c *Call) error {
	residual, x, weight := numbers[float32](c.Inputs[0]), numbers[float32](c.Inputs[1]), numbers[float32](c.Inputs[2])
	shape := c.Inputs[1].Shape
	normed, err := c.Output(0, shape...)
	if err != nil {
		return err
	}
	summed, err := c.Output(1, shape...)
	if err != nil {
		return err
	}
	to, sums, h := numbers[float32](normed), numbers[float32](summed), len(weight)
	for row := 0; row < len(x); row += h {
		squares := 0.0
		for i := row; i < row+h; i++ {
			sums[i] = residual[i] + x[i]
			squares += float64(sums[i]) * float64(sums[i])
		}
		root := math.Sqrt(squares/float64(h) + float64(c.Float("epsilon")))
		for i := row; i < row+h; i++ {
			to[i] = float32(float64(sums[i])/root) * weight[i-row]
		}
	}
	return nil
}

func linear(c *Call) error {
	x, weight, bias := numbers[float32](c.Inputs[0]), numbers[float32](c.Inputs[1]), numbers[float32](c.Inputs[2])
	n, k := len(bias), int(c.Inputs[1].Shape[1])
	y, err := c.Output(0, int64(len(x)/k), int64(n))
	if err != nil {
		return err
	}
	for at := range numbers[float32](y) {
		sum := float64(bias[at%n])
		for i := range k {
			sum += float64(x[at/n*k+i]) * float64(weight[at%n*k+i])
		}
		numbers[float32](y)[at] = float32(sum)
	}
	return nil
}

func quantizeRows(c *Call) error {
	x, shape := numbers[float32](c.Inputs[0]), c.Inputs[0].Shape
	levels, err := c.Output(0, shape...)
	if err != nil {
		return err
	}
	scales, err := c.Output(1, shape[0])
	if err != nil {
		return err
	}
	for row, k := 0, int(shape[1]); row < int(shape[0]); row++ {
		most := float32(0)
		for _, v := range x[row*k:][:k] {
			most = max(most, v, -v)
		}
		scale := max(most/127, 1e-30)
		numbers[float32](scales)[row] = scale
		for i, v := range x[row*k:][:k] {
			numbers[int8](levels)[row*k+i] = int8(math.RoundToEven(float64(v / scale)))
		}
	}
	return nil
}

func linear8(c *Call) error {
	levels, weight, bias := numbers[int8](c.Inputs[0]), numbers[int8](c.Inputs[2]), numbers[float32](c.Inputs[4])
	rows, scales := numbers[float32](c.Inputs[1]), numbers[float32](c.Inputs[3])
	n, k := len(bias), int(c.Inputs[2].Shape[1])
	y, err := c.Output(0, int64(len(rows)), int64(n))
	if err != nil {
		return err
	}
	for at := range numbers[float32](y) {
		sum := int32(0)
		for i := range k {
			sum += int32(levels[at/n*k+i]) * int32(weight[at%n*k+i])
		}
		scaled := float32(sum) * scales[at%n]
		scaled *= rows[at/n]
		numbers[float32](y)[at] = scaled + bias[at%n]
	}
	return nil
}

// rotate writes into the pools' outputs, which must be the pools themselves.
func rotate(c *Call) error {
	qkv, positions, slots := numbers[float32](c.Inputs[0]), numbers[int64](c.Inputs[1]), numbers[int64](c.Inputs[6])
	cos, sin := numbers[float32](c.Inputs[2]), numbers[float32](c.Inputs[3])
	heads, dim := c.List("heads"), int(c.Inputs[7].Shape[2])
	queries, err := c.Output(0, int64(len(positions)), heads[0]*int64(dim))
	if err != nil {
		return err
	}
	var pools [2][]float32
	for i := range pools {
		pool, err := c.Output(1+i, c.Inputs[7+i].Shape...)
		if err != nil {
			return err
		}
		if pool.Address != c.Inputs[7+i].Address {
			return fmt.Errorf("pool %d is not written where it is", i)
		}
		pools[i] = numbers[float32](pool)
	}
	all, half := int(heads[0]+heads[1]+heads[2]), int(c.List("turned")[0])/2
	for token, position := range positions {
		for head := range all {
			from := qkv[(token*all+head)*dim:][:dim]
			to := numbers[float32](queries)[(token*int(heads[0])+head%int(heads[0]))*dim:][:dim]
			if head >= int(heads[0]) {
				part, of := (head-int(heads[0]))/int(heads[1]), (head-int(heads[0]))%int(heads[1])
				to = pools[part][(int(slots[token])*int(heads[1])+of)*dim:][:dim]
			}
			copy(to, from)
			for i := 0; i < half && head < int(heads[0]+heads[1]); i++ {
				c, s := cos[int(position)*half+i], sin[int(position)*half+i]
				to[i], to[half+i] = from[i]*c-from[half+i]*s, from[half+i]*c+from[i]*s
			}
		}
	}
	return nil
}

func tileAttention(c *Call) error {
	queries, positions := numbers[float32](c.Inputs[0]), numbers[int64](c.Inputs[1])
	index, slots, lengths := numbers[int64](c.Inputs[2]), numbers[int64](c.Inputs[3]), numbers[int64](c.Inputs[4])
	keys, values := numbers[float32](c.Inputs[6]), numbers[float32](c.Inputs[7])
	q, k := int(c.Inputs[2].Shape[1]), int(c.Inputs[3].Shape[1])
	keyHeads, dim := int(c.Inputs[6].Shape[1]), int(c.Inputs[6].Shape[2])
	mixed, err := c.Output(0, c.Inputs[0].Shape...)
	if err != nil {
		return err
	}
	to, heads := numbers[float32](mixed), int(c.Inputs[0].Shape[1])/dim
	clear(to)
	for at, token := range index {
		length := lengths[at/q]
		if c.Int("causal") != 0 {
			length = min(length, positions[token]+1)
		}
		seen := slots[at/q*k:][:length]
		for head := range heads {
			query, out := queries[(int(token)*heads+head)*dim:][:dim], to[(int(token)*heads+head)*dim:][:dim]
			weights, total, most := make([]float64, len(seen)), 0.0, math.Inf(-1)
			row := func(pool []float32, place int) []float32 {
				return pool[(int(seen[place])*keyHeads+head*keyHeads/heads)*dim:][:dim]
			}
			for place := range seen {
				for i, v := range row(keys, place) {
					weights[place] += float64(v) * float64(query[i]) * float64(c.Float("scale"))
				}
				most = max(most, weights[place])
			}
			for place := range seen {
				weights[place] = math.Exp(weights[place] - most)
				total += weights[place]
			}
			for i := range out {
				sum := 0.0
				for place := range seen {
					sum += weights[place] / total * float64(row(values, place)[i])
				}
				out[i] = float32(sum)
			}
		}
	}
	return nil
}

func swiGLU(c *Call) error {
	return gated(c, func(x float64) float64 { return x / (1 + math.Exp(-x)) })
}

func geGLU(c *Call) error { return gated(c, geluOf) }

// gated is activation(gate) · up.
func gated(c *Call, active func(x float64) float64) error {
	x, m := numbers[float32](c.Inputs[0]), int(c.Inputs[0].Shape[1])/2
	y, err := c.Output(0, c.Inputs[0].Shape[0], int64(m))
	if err != nil {
		return err
	}
	for at := range numbers[float32](y) {
		gate, up := float64(x[at/m*2*m+at%m]), float64(x[at/m*2*m+m+at%m])
		numbers[float32](y)[at] = float32(active(gate) * up)
	}
	return nil
}
