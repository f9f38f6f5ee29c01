package batching

import "time"

// Defaults of the fields of [Options] that are left at zero.
const (
	DefaultMaxItems  = 4096    // of [Options.MaxItems]
	DefaultMaxTokens = 1 << 20 // of [Options.MaxTokens]

	defaultTokens     = 1024     // of [Budget.Tokens]
	defaultArea       = 16 << 20 // of [Budget.Area], at most
	attentionBytes    = 1 << 30  // of scores in a forward of the default area
	defaultWarmTokens = 2048     // of [Options.WarmTokens]
)

// Options says how sequences are packed, how large a forward may be and how much may wait. The zero value works.
type Options struct {
	Padded bool   // the graph takes rows of equal length, and not a flat row of distinct tokens with attention tiles
	PadID  int64  // fills the unused places of a padded plan
	Budget Budget // of one forward

	// Bidirectional: a token of a packed plan sees its whole sequence, and not only what stands before it. So what a
	// prefix gives hangs on what follows, and nothing is shared or cached but the outcome of equal sequences.
	Bidirectional bool

	Heads int // query heads of an attention layer, for the default of [Budget.Area]; zero: one

	// Fetched is how many query places of a tile take as much memory as the keys and values of one key place, which
	// every tile fetches for itself: 2 · head_dim where each head has keys of its own. Small tiles behind a long prefix
	// take more for these than for scores. [Budget.Area] counts them; zero: it counts scores alone.
	Fetched int

	// Rounding is what sizes a packed plan is filled up to, for runners that like some more than others.
	Rounding Rounding

	// Devices is how many devices the runner has, each with its own cache of CacheBlocks. Less than two: one.
	Devices int

	// Lanes is how many forwards of a device may run side by side, on one thread each, when much waits. Less than
	// two: one forward at a time, on all threads. LaneTokens is the budget of each.
	Lanes      int
	LaneTokens int

	// Stages is how many forwards a device may have in progress on all threads, one behind the other: its forwards pass
	// through so many stages, each of which computes one at a time. Less than two: one. It does not go with Lanes.
	Stages int

	// CacheBlocks bounds the key-value cache of the packed layout: the runner has so many slots for blocks. Zero: no
	// cache.
	CacheBlocks int

	// InPlace: the runner writes a token's keys and values once, where they stay. So no token of a plan is in two blocks
	// that are kept: of the blocks that begin in one segment and end in several others, the first is.
	InPlace bool

	// Room is how many tokens of a packed plan the runner has room for, those that fill it up too. It has room for the
	// longest sequence alone, whatever this is. Zero: for any number.
	Room int

	// Targets makes a packed plan list, beside each position read, the id after it, whose log-probability is wanted.
	// The last position of a sequence cannot be read then.
	Targets bool

	// Places of the queue. A submitted sequence takes one until its run starts, identical ones too, and one for each
	// of its tokens; a submission takes a quarter at most, and has the rest of its sequences wait behind these.
	MaxItems  int // places for sequences
	MaxTokens int // places for tokens

	// MaxDelay is how long an idle batcher holds its oldest item back for the budget to fill. Zero: a lone item leaves
	// at once, and what queued behind a run leaves together.
	MaxDelay time.Duration

	// WarmTokens is the largest forward that [Measure] tries; zero: 2048.
	WarmTokens int

	// WarmIDs are the token ids that [Measure] repeats. Nil: zeros. WarmLength is the longest sequence that it may
	// make of them; zero: as long as they are.
	WarmIDs    []int64
	WarmLength int

	cost cost // of one forward, from [Measure]; zero: learned from the first runs
}

// Budget bounds one forward, with two exceptions. A sequence that is over it by itself leads a batch all the same.
// And sequences that share at least half of their tokens with the batch, as 64 responses share a long prompt, are
// counted without that prefix: beside it, the batch may have Tokens where a cache spares the next batch the prefix,
// and four times Tokens where the next one would compute it again, since that costs more than a large forward loses.
type Budget struct {
	Tokens int // packed: distinct tokens; padded: rows × length

	// Area bounds attention memory, which a graph takes for every head: Area · heads · 4 bytes of scores. It counts
	// (query places + [Options.Fetched]) × key places, over all tiles; padded: rows × length². Zero: 16 Mi, one
	// sequence of 4096 tokens, or as much as makes 1 GiB with [Options.Heads], which is less for graphs of more than 16
	// heads.
	Area int
}

// areaOf is the default of [Budget.Area] for a graph of so many heads.
func areaOf(heads int) int {
	const floatBytes = 4
	return min(defaultArea, attentionBytes/(floatBytes*max(1, heads)))
}

// sharedStretch is how far sequences that share most of their tokens may go over [Budget.Tokens] without a cache.
const sharedStretch = 4

// allows tells whether a batch that computes that many tokens may take a sequence in that shares so many of them with
// it and brings so many fresh ones.
func (b *Budget) allows(tokens, shared, fresh int, cached bool) bool {
	stretch := sharedStretch
	if cached {
		stretch = 1
	}
	return tokens+fresh <= b.Tokens || shared >= fresh && tokens-shared+fresh <= stretch*b.Tokens
}

// withDefaults returns the options with every unset field at its default.
func (o Options) withDefaults() Options {
	setDefault(&o.Budget.Tokens, defaultTokens)
	setDefault(&o.Budget.Area, areaOf(o.Heads))
	setDefault(&o.LaneTokens, o.Budget.Tokens)
	setDefault(&o.WarmTokens, defaultWarmTokens)
	setDefault(&o.MaxItems, DefaultMaxItems)
	setDefault(&o.MaxTokens, DefaultMaxTokens)
	return o
}

func setDefault(field *int, value int) {
	if *field <= 0 {
		*field = value
	}
}
