package batching

// root stands for the empty prefix where a parent is asked for, and none for an absent node.
const (
	root = -1
	none = -1
)

// tree is a radix tree over token ids that grows one sequence at a time. Each node is a segment: a run of tokens that
// all sequences below it have at the same positions, laid out once in a plan. These are the segments of "a b c d", "a
// b c e" and "a b", with the furthest and the second furthest position that a sequence reaches in each:
//
//	a b c ─┬─ d      a b c: last 3, prior 3     d: last 4, prior 0
//	       └─ e                                 e: last 4, prior 0
//
// The third sequence ends inside the first segment and needs none of its own. Had it been inserted without the
// second, the one segment "a b c d" would have last 4 and prior 2: its first two tokens are shared, the others are
// not.
type tree struct {
	nodes    []node
	shortest int // the shortest prefix worth a segment of its own, [cost.shared]
	first    int // first child of the root
	tokens   int // distinct tokens to compute, over all segments
}

// node is the segment of positions [from, to) of owner's ids.
type node struct {
	owner    []int64
	space    Space        // of the owner, and so of all on it
	prefix   cachedPrefix // what is cached of the owner
	from, to int
	cached   int // the first token that is not taken from the cache
	parent   int
	child    int // first child
	next     int // next sibling

	start      int  // of the first computed token in the plan's tokens, set when the segment is laid out
	last       int  // the furthest position that a sequence reaches in the segment, and
	prior      int  // the second furthest: what is before it, several sequences have; 0 while fewer than two pass
	keepBlocks bool // its blocks are worth keeping, see [packed.layKeep]
	tailKept   bool // its last tokens are in a block that is kept and ends in another segment
}

// spot is where a sequence leaves the tree: below all of parent and, where partial is given, behind a head of that
// node.
type spot struct {
	parent  int // deepest node whose whole segment the sequence has, or root
	partial int // a child of parent that the sequence shares in part, or none
	sibling int // the child in front of partial, or none
	depth   int // tokens of the sequence that the tree has
}

func (t *tree) reset() {
	clear(t.nodes) // let go of the ids
	t.nodes = t.nodes[:0]
	t.first, t.tokens = none, 0
}

// find walks a sequence down the tree. It changes nothing.
func (t *tree) find(sequence Sequence) spot {
	ids := sequence.IDs
	at := apart()
	for at.depth < len(ids) {
		best, before, length := t.longest(at.parent, at.depth, sequence)
		if best == none {
			break
		}
		at.depth += length
		if n := &t.nodes[best]; at.depth < n.to {
			at.partial, at.sibling = best, before
			break
		}
		at.parent = best
	}
	return at
}

// longest returns the child of parent that shares the most of ids from depth on, the sibling before it and the tokens
// shared. A part of a child counts only when it is worth a split, or when it is all that is left of ids.
func (t *tree) longest(parent, depth int, sequence Sequence) (best, before, length int) {
	ids := sequence.IDs
	best, before = none, none
	previous := none
	for i := t.firstChild(parent); i != none; i = t.nodes[i].next {
		n := &t.nodes[i]
		if n.owner[depth] == ids[depth] && (parent != root || n.space == sequence.Space) {
			common := commonPrefix(n.owner[depth:n.to], ids[depth:])
			ends := common == n.to-depth || common == len(ids)-depth
			if common > length && (ends || common >= t.shortest) {
				best, before, length = i, previous, common
			}
		}
		previous = i
	}
	return best, before, length
}

// insert adds a sequence, of which so much is cached, at the spot that find returned for it, and returns the node on
// whose path it lies. It keeps the ids.
func (t *tree) insert(sequence Sequence, at spot, prefix cachedPrefix) int {
	ids := sequence.IDs
	parent := at.parent
	contained := at.depth == len(ids) // all there; ending inside a segment needs no split
	if at.partial != none {
		parent = at.partial
		if !contained {
			parent = t.split(at)
		}
	}
	t.compute(parent, prefix.tokens)
	if contained {
		return parent
	}
	leaf := len(t.nodes)
	t.nodes = append(t.nodes, node{
		owner: ids, space: sequence.Space, prefix: prefix,
		from: at.depth, to: len(ids), cached: max(at.depth, prefix.tokens),
		parent: parent, child: none, next: t.firstChild(parent),
	})
	t.setFirstChild(parent, leaf)
	t.tokens += t.nodes[leaf].fresh()
	return leaf
}

// fresh is how many tokens of the segment are computed.
func (n *node) fresh() int { return n.to - n.cached }

// compute makes the path to a node computed from a position on: a sequence on it has no more than that in the cache, or
// reads there.
func (t *tree) compute(at, position int) {
	for i := at; i != root && t.nodes[i].cached > position; i = t.nodes[i].parent {
		n := &t.nodes[i]
		t.tokens -= n.fresh()
		n.cached = max(n.from, position)
		t.tokens += n.fresh()
	}
}

// split puts the head of at.partial into a new node above it and returns that. The tail keeps its index, so paths that
// end on it stay right.
func (t *tree) split(at spot) int {
	head := len(t.nodes)
	tail := t.nodes[at.partial]
	t.nodes = append(t.nodes, node{
		owner: tail.owner, space: tail.space, prefix: tail.prefix,
		from: tail.from, to: at.depth, cached: min(tail.cached, at.depth),
		parent: at.parent, child: at.partial, next: tail.next,
	})
	if at.sibling == none {
		t.setFirstChild(at.parent, head)
	} else {
		t.nodes[at.sibling].next = head
	}
	tail.from, tail.cached, tail.parent, tail.next = at.depth, max(tail.cached, at.depth), head, none
	t.nodes[at.partial] = tail
	return head
}

func (t *tree) firstChild(parent int) int {
	if parent == root {
		return t.first
	}
	return t.nodes[parent].child
}

func (t *tree) setFirstChild(parent, child int) {
	if parent == root {
		t.first = child
	} else {
		t.nodes[parent].child = child
	}
}

// pass notes that a sequence of that length lies on the path to leaf, for shared.
func (t *tree) pass(leaf, length int) {
	for i := leaf; i != root; i = t.nodes[i].parent {
		n := &t.nodes[i]
		reach := min(length, n.to)
		if reach > n.last {
			n.last, n.prior = reach, n.last
		} else if reach > n.prior {
			n.prior = reach
		}
	}
}

// keepPath marks the blocks on the path to a leaf as worth keeping.
func (t *tree) keepPath(leaf int) {
	for i := leaf; i != root && !t.nodes[i].keepBlocks; i = t.nodes[i].parent {
		t.nodes[i].keepBlocks = true
	}
}

// shared returns how many leading tokens a sequence on the path to leaf has in common with another; all sequences must
// have passed.
func (t *tree) shared(leaf, length int) int {
	for i := leaf; i != root; i = t.nodes[i].parent {
		if n := &t.nodes[i]; n.prior > n.from {
			return min(length, n.prior)
		}
	}
	return 0
}

// commonPrefix returns how many leading ids a and b share.
func commonPrefix(a, b []int64) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
