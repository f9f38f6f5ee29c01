package batching

import "time"

// tally counts the tokens of one forward: asked = computed − padding + shared + cached.
type tally struct {
	items    int // sequences answered, identical ones counted each; those that joined during the run are left out
	asked    int // of the items
	computed int // of the plan
	padding  int // of computed, those that belong to no sequence
	shared   int // of asked, those that another sequence of the plan already brought
	cached   int // of asked, those that were taken from the key-value cache

	planning time.Duration // choosing and packing
	run      time.Duration // in the runner
}

// Stats is a snapshot of a batcher. Counters never fall.
type Stats struct {
	Items  int // sequences waiting now
	Tokens int // their tokens

	Running int           // sequences in the run in progress; 0 when idle
	RunAge  time.Duration // of the run in progress; 0 when idle. A readiness probe bounds it

	Runs     uint64 // forwards, failed ones too
	Answered uint64 // sequences that got values
	Failed   uint64 // sequences that got a runner's error

	// Tokens of all runs: Asked = Computed − Padding + Shared + Cached.
	Asked    uint64 // of the sequences answered, identical ones counted each
	Computed uint64 // by the runner
	Padding  uint64 // of Computed, those that belong to no sequence
	Shared   uint64 // of Asked, those that another sequence brought
	Cached   uint64 // of Asked, those that were taken from the key-value cache

	Narrow uint64 // of Runs, those on one thread beside others

	Cache CacheStats // now

	Deduplicated uint64 // sequences that joined an identical one, waiting or running
	Cancelled    uint64 // sequences given up by their caller before an answer
	Expired      uint64 // sequences whose deadline passed before an answer
	Refused      uint64 // sequences refused at admission because the queue was full
}

// CacheStats is a snapshot of the key-value caches of all devices.
type CacheStats struct {
	Blocks   int    // held now
	Capacity int    // that it may hold
	Evicted  uint64 // blocks let go of to make room
}

func (s CacheStats) plus(t CacheStats) CacheStats {
	return CacheStats{Blocks: s.Blocks + t.Blocks, Capacity: s.Capacity + t.Capacity, Evicted: s.Evicted + t.Evicted}
}

func (c *cache) stats() CacheStats {
	if c == nil {
		return CacheStats{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheStats{Blocks: len(c.blocks), Capacity: c.capacity, Evicted: c.evicted}
}
