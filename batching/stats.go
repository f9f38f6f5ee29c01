package batching

import "time"

// RunStats describes one forward. Asked = Computed − Padding + Shared + Cached.
type RunStats struct {
	Items     int  // sequences answered, identical ones counted each; those that joined during the run are left out
	Sequences int  // distinct sequences in the plan
	Asked     int  // tokens of Items
	Computed  int  // tokens of the plan
	Padding   int  // of Computed, tokens that belong to no sequence
	Shared    int  // tokens of Asked that another sequence of the plan already brought
	Cached    int  // tokens of Asked that were taken from the key-value cache
	Area      int  // attention area, as bounded by [Budget.Area]
	Narrow    bool // run on one thread, beside others

	Queue time.Duration // the longest wait of its items, from admission to the start of the run
	Plan  time.Duration // choosing and packing
	Run   time.Duration // in the runner
	Err   error         // of the runner; the sequences may still be answered by smaller runs
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
	Asked    uint64 // tokens of all runs, as in [RunStats]
	Computed uint64
	Padding  uint64
	Shared   uint64
	Cached   uint64
	Narrow   uint64 // of Runs, those on one thread beside others

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
