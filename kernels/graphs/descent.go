package graphs

import (
	"context"
	"fmt"
	"math"
)

// descent is gradient descent on the loss of one fit.
type descent struct {
	p      *program
	feed   []float32 // the latent that the program reads
	prior  float64
	length float64 // of the next step, in gradients
}

// spot is a point of the loss.
type spot struct {
	z        []float64
	loss     float64
	gradient []float64
}

const (
	promised = 1e-4  // share of the fall that the slope promises which a step must bring
	flat     = 1e-6  // a gradient below this, relative to 1 + the loss, ends the descent
	shortest = 1e-12 // a step below this ends it: what is left of the loss is rounding
	rounding = 1e-6  // a loss may rise by this, relative to 1 + the loss, where the gradient gets much shorter
)

// at computes the loss and its gradient at z, which it keeps.
func (d *descent) at(z []float64) (spot, error) {
	for i, v := range z {
		d.feed[i] = float32(v)
	}
	if err := d.p.run(); err != nil {
		return spot{}, err
	}
	s := spot{z: z, gradient: make([]float64, len(z))}
	for _, margin := range d.p.result(0) {
		s.loss += softplus(-float64(margin))
	}
	weight := 1 / (d.prior * d.prior)
	for i, g := range d.p.result(1) {
		s.loss += weight * z[i] * z[i] / 2
		s.gradient[i] = float64(g) + weight*z[i]
	}
	return s, nil
}

// square is the gradient's squared length: how fast the loss falls along it.
func (s spot) square() float64 {
	sum := 0.0
	for _, g := range s.gradient {
		sum += g * g
	}
	return sum
}

// descend takes at most that many steps from 0.
func (d *descent) descend(ctx context.Context, steps int) (Fitted, error) {
	here, err := d.at(make([]float64, len(d.feed)))
	if err != nil {
		return Fitted{}, err
	}
	fitted := Fitted{Before: here.loss}
	for d.length = 1; fitted.Steps < steps; fitted.Steps++ {
		slope := here.square()
		if !sound(here.loss + slope) {
			return Fitted{}, fmt.Errorf("it diverges: after %d steps the loss is %g and its gradient's square %g", fitted.Steps, here.loss, slope)
		}
		if math.Sqrt(slope) <= flat*(1+math.Abs(here.loss)) {
			fitted.Converged = true
			break
		}
		next, moved, err := d.search(ctx, here)
		if err != nil {
			return Fitted{}, err
		}
		if !moved {
			if !sound(next.loss) {
				return Fitted{}, fmt.Errorf("it diverges: after %d steps the loss is %g, and %g beside it", fitted.Steps, here.loss, next.loss)
			}
			fitted.Converged = true
			break
		}
		here = next
	}
	fitted.After, fitted.Latent.Data = here.loss, make([]float32, len(here.z))
	for i, v := range here.z {
		fitted.Latent.Data[i] = float32(v)
	}
	return fitted, nil
}

// search halves the step until the loss falls as the slope promises; false with the last spot tried when none is left.
func (d *descent) search(ctx context.Context, here spot) (next spot, moved bool, err error) {
	slope := here.square()
	for ; d.length >= shortest; d.length /= 2 {
		if err := ctx.Err(); err != nil {
			return spot{}, false, err
		}
		z := make([]float64, len(here.z))
		for i := range z {
			z[i] = here.z[i] - d.length*here.gradient[i]
		}
		if next, err = d.at(z); err != nil {
			return spot{}, false, err
		}
		falls := next.loss <= here.loss-promised*d.length*slope // false where the loss is not a number
		level := next.loss <= here.loss+rounding*(1+math.Abs(here.loss)) && next.square() < slope/2
		if falls || level {
			d.length *= 2
			return next, true, nil
		}
	}
	return next, false, nil
}

// sound says whether x is a finite number.
func sound(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
