package batching

import "time"

const (
	decay       = 0.8         // weight of the past at each run
	unknownWait = time.Second // estimate before anything was run or measured
)

// rate follows the recent throughput, in tokens asked, so that what sharing saves counts.
type rate struct {
	cost    cost // used before the first run
	tokens  float64
	seconds float64
}

func (r *rate) add(tokens int, took time.Duration) {
	r.tokens = decay*r.tokens + float64(tokens)
	r.seconds = decay*r.seconds + took.Seconds()
}

// informed tells whether estimates rest on anything.
func (r *rate) informed() bool { return r.tokens > 0 || r.cost != cost{} }

// estimate returns how long that many tokens take at the recent rate.
func (r *rate) estimate(tokens int) time.Duration {
	switch {
	case r.tokens > 0:
		return time.Duration(float64(tokens) / r.tokens * r.seconds * float64(time.Second))
	case r.cost != cost{}:
		return r.cost.of(work{tokens: tokens})
	default:
		return unknownWait
	}
}
