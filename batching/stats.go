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
	// What waits now. It may be more than the queue has places, since a submission takes no more than its share of
	// them.
	Items  int // sequences, identical ones counted each
	Tokens int // theirs

	// How long an item would wait that comes now and is served last of its class, at the recent rate: an interactive
	// one behind what is at work and the interactive items, a bulk one behind all. Zero: nothing is asked for.
	InteractiveWait, BulkWait time.Duration

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

	RunItems  Sizes // of the forwards, in sequences answered
	RunTokens Sizes // of the forwards, in tokens computed

	Narrow uint64 // of Runs, those on one thread beside others

	Cache struct { // key-value caches of all devices
		Blocks   int    // held now
		Capacity int    // that they may hold
		Evicted  uint64 // blocks let go of to make room
	}

	Deduplicated uint64 // sequences that joined an identical one, waiting or running
	Cancelled    uint64 // sequences given up by their caller before an answer
	Expired      uint64 // sequences whose deadline passed before an answer, or would have
	Refused      uint64 // sequences refused at admission because the queue was full
}

// count adds the cache of a device to the snapshot.
func (c *cache) count(s *Stats) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Cache.Blocks += len(c.blocks)
	s.Cache.Capacity += c.capacity
	s.Cache.Evicted += c.evicted
}

// Add adds the counters of another batcher, which did the same work before or beside this one. What waits or runs now
// is left as it is.
func (s *Stats) Add(of *Stats) {
	for _, pair := range [][2]*uint64{
		{&s.Runs, &of.Runs},
		{&s.Answered, &of.Answered},
		{&s.Failed, &of.Failed},
		{&s.Asked, &of.Asked},
		{&s.Computed, &of.Computed},
		{&s.Padding, &of.Padding},
		{&s.Shared, &of.Shared},
		{&s.Cached, &of.Cached},
		{&s.Narrow, &of.Narrow},
		{&s.Cache.Evicted, &of.Cache.Evicted},
		{&s.Deduplicated, &of.Deduplicated},
		{&s.Cancelled, &of.Cancelled},
		{&s.Expired, &of.Expired},
		{&s.Refused, &of.Refused},
		{&s.RunItems.Sum, &of.RunItems.Sum},
		{&s.RunTokens.Sum, &of.RunTokens.Sum},
	} {
		*pair[0] += *pair[1]
	}
	for i := range s.RunItems.Counts {
		s.RunItems.Counts[i] += of.RunItems.Counts[i]
		s.RunTokens.Counts[i] += of.RunTokens.Counts[i]
	}
}
