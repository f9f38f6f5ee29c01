package batching

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// path returns the ids from the root to the end of the node.
func (t *tree) path(leaf int) []int64 {
	var ids []int64
	for i := leaf; i != root; i = t.nodes[i].parent {
		n := &t.nodes[i]
		ids = slices.Concat(n.owner[n.from:n.to], ids)
	}
	return ids
}

func TestTreeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := tree{shortest: defaultShared}
		tr.reset()
		sequences := drawSequences(t, 15)
		leaves := make([]int, len(sequences))
		total := 0
		for i, s := range sequences {
			at, before := tr.find(s), tr.tokens
			leaves[i] = tr.insert(s, at, cachedPrefix{})
			if tr.tokens-before != len(s.IDs)-at.depth {
				t.Fatalf("%d tokens new, promised %d", tr.tokens-before, len(s.IDs)-at.depth)
			}
			total += len(s.IDs)
			if again := tr.find(s); again.depth != len(s.IDs) {
				t.Fatalf("sequence %d is found to depth %d of %d", i, again.depth, len(s.IDs))
			}
		}
		checkSegments(t, &tr)
		for i, s := range sequences {
			tr.pass(leaves[i], len(s.IDs))
			if path := tr.path(leaves[i]); len(path) < len(s.IDs) || !slices.Equal(path[:len(s.IDs)], s.IDs) {
				t.Fatalf("sequence %d is %v, its path %v", i, s.IDs, path)
			}
		}
		if shared := total - tr.tokens; shared < 0 {
			t.Fatalf("%d tokens shared", shared)
		}
		for i, s := range sequences {
			longest := 0 // common tokens that lie on the same path
			for j, other := range sequences {
				if j != i {
					longest = max(longest, min(tr.fork(leaves[i], leaves[j]), len(s.IDs), len(other.IDs)))
				}
			}
			if got := tr.shared(leaves[i], len(s.IDs)); got != longest {
				t.Fatalf("sequence %d shares %d tokens, want %d", i, got, longest)
			}
		}
	})
}

// fork returns how many positions the paths to two nodes have in common.
func (t *tree) fork(a, b int) int {
	for i := a; i != root; i = t.nodes[i].parent {
		for j := b; j != root; j = t.nodes[j].parent {
			if i == j {
				return t.nodes[i].to
			}
		}
	}
	return 0
}

// checkSegments holds the nodes to the laws of the tree: segments continue their parents, are listed once, and
// siblings share less than is worth a segment, or one of them is the shorter head of the other.
func checkSegments(t rapid.TB, tr *tree) {
	t.Helper()
	tokens, listed := 0, 0
	for parent := root; parent < len(tr.nodes); parent++ {
		var heads [][]int64
		for i := tr.firstChild(parent); i != none; i = tr.nodes[i].next {
			n := &tr.nodes[i]
			if n.parent != parent || n.from >= n.to || parent != root && n.from != tr.nodes[parent].to {
				t.Fatalf("node %d %+v under %d", i, n, parent)
			}
			own := n.owner[n.from:n.to]
			for _, other := range heads {
				if common := commonPrefix(own, other); common >= defaultShared && common < min(len(own), len(other)) {
					t.Fatalf("siblings share %d tokens", common)
				}
			}
			heads = append(heads, own)
			tokens += len(own)
			listed++
		}
	}
	if tokens != tr.tokens || listed != len(tr.nodes) {
		t.Fatalf("%d tokens in %d listed nodes, tree has %d in %d", tokens, listed, tr.tokens, len(tr.nodes))
	}
}

func TestTreeSharesAtLeastEightTokens(t *testing.T) {
	for _, common := range []int{defaultShared - 1, defaultShared} {
		tr := tree{shortest: defaultShared}
		tr.reset()
		for tail := range int64(3) {
			ids := append(run(10, common), tail, tail)
			tr.insert(seq(ids...), tr.find(seq(ids...)), cachedPrefix{})
		}
		want := 3 * (common + 2)
		if common >= defaultShared {
			want -= 2 * common
		}
		if tr.tokens != want {
			t.Errorf("three sequences with %d common tokens need %d tokens, want %d", common, tr.tokens, want)
		}
	}
}

func TestTreeTakesAHeadOfASequenceForNothing(t *testing.T) {
	for _, order := range [][]int{{5, 2, 5, 3}, {2, 5}} {
		tr := tree{shortest: defaultShared}
		tr.reset()
		for _, n := range order {
			ids := run(0, n)
			tr.insert(seq(ids...), tr.find(seq(ids...)), cachedPrefix{})
		}
		if tr.tokens != 5 {
			t.Errorf("lengths %v need %d tokens, want 5", order, tr.tokens)
		}
	}
}

// TestTreeCountsHowFarSequencesReach holds the example in the comment of tree to its numbers.
func TestTreeCountsHowFarSequencesReach(t *testing.T) {
	reaches := func(sequences ...Sequence) [][2]int {
		tr := tree{shortest: 1}
		tr.reset()
		leaves := make([]int, len(sequences))
		for i, s := range sequences {
			leaves[i] = tr.insert(s, tr.find(s), cachedPrefix{})
		}
		for i, s := range sequences {
			tr.pass(leaves[i], len(s.IDs))
		}
		var reached [][2]int
		for _, n := range tr.nodes {
			reached = append(reached, [2]int{n.last, n.prior})
		}
		return reached
	}
	const a, b, c, d, e = 1, 2, 3, 4, 5
	if got := reaches(seq(a, b, c, d), seq(a, b, c, e), seq(a, b)); !slices.Equal(got, [][2]int{{4, 0}, {3, 3}, {4, 0}}) {
		t.Errorf("d, a b c, e: %v", got)
	}
	if got := reaches(seq(a, b, c, d), seq(a, b)); !slices.Equal(got, [][2]int{{4, 2}}) {
		t.Errorf("a b c d: %v", got)
	}
}
