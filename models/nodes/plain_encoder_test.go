package nodes

import "math"

// geluOf is the GELU by the error function.
func geluOf(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }

func gelu(c *Call) error {
	x := numbers[float32](c.Inputs[0])
	y, err := c.Output(0, c.Inputs[0].Shape...)
	if err != nil {
		return err
	}
	for at, v := range x {
		numbers[float32](y)[at] = float32(geluOf(float64(v)))
	}
	return nil
}

func addLayerNorm(c *Call) error {
	residual, x, weight, bias := numbers[float32](c.Inputs[0]), numbers[float32](c.Inputs[1]), numbers[float32](c.Inputs[2]), numbers[float32](c.Inputs[3])
	normed, flows, err := twoRows(c)
	if err != nil {
		return err
	}
	to, on, h := numbers[float32](normed), numbers[float32](flows), len(weight)
	for row := 0; row < len(x); row += h {
		mean, variance := 0.0, 0.0
		for i := row; i < row+h; i++ {
			on[i] = residual[i] + x[i]
			mean += float64(on[i]) / float64(h)
		}
		for i := row; i < row+h; i++ {
			variance += (float64(on[i]) - mean) * (float64(on[i]) - mean) / float64(h)
		}
		for i := row; i < row+h; i++ {
			to[i] = float32((float64(on[i])-mean)/math.Sqrt(variance+float64(c.Float("epsilon"))))*weight[i-row] + bias[i-row]
			if c.Int("behind") != 0 {
				on[i] = to[i]
			}
		}
	}
	return nil
}

// rotateQkv turns as rotate does, and gives keys and values by token.
func rotateQkv(c *Call) error {
	qkv, positions, heads := numbers[float32](c.Inputs[0]), numbers[int64](c.Inputs[1]), c.List("heads")
	cos, sin := numbers[float32](c.Inputs[2]), numbers[float32](c.Inputs[3])
	dim, half := int(c.List("turned")[0]+c.List("turned")[1]), int(c.List("turned")[0])/2
	all, tokens := int(heads[0]+heads[1]+heads[2]), int64(len(positions))
	var out [3][]float32
	for i, shape := range [][]int64{{tokens, heads[0] * int64(dim)}, {tokens, heads[1], int64(dim)}, {tokens, heads[2], int64(dim)}} {
		made, err := c.Output(i, shape...)
		if err != nil {
			return err
		}
		out[i] = numbers[float32](made)
	}
	for token, position := range positions {
		first := 0
		for part, count := range heads {
			for head := range int(count) {
				from, to := qkv[(token*all+first+head)*dim:][:dim], out[part][(token*int(count)+head)*dim:][:dim]
				copy(to, from)
				for i := 0; i < half && part < 2; i++ {
					c, s := cos[int(position)*half+i], sin[int(position)*half+i]
					to[i], to[half+i] = from[i]*c-from[half+i]*s, from[half+i]*c+from[i]*s
				}
			}
			first += int(count)
		}
	}
	return nil
}
