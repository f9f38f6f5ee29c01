"""Cuts a round's sequences into batches, as the raw ideal runs them."""
import sys
from pathlib import Path

# The exporter's planner by itself: its package would load torch.
sys.path.append(str(Path(__file__).resolve().parent.parent / "models" / "export" / "assay_export" / "graph"))
import plan  # noqa: E402

SHARED = 64  # tokens: the shortest prompt that is computed once for those that begin with it
GATHER = 64  # query places that a tile's keys cost, as the server has it where nothing was measured


def padded_batches(ids, budget):
    """Cuts the sequences, sorted by length, into lists of indices: padded tokens stay within budget, one item at
    least."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    cut, batch = [], []
    for i in order:
        # Sorted, so the newest is the longest: the padded width of the batch.
        if batch and (len(batch) + 1) * len(ids[i]) > budget:
            cut.append(batch)
            batch = []
        batch.append(i)
    return cut + [batch] if batch else cut


def common(a, b):
    """Counts the tokens that two sequences begin with, but the last of either."""
    most = min(len(a), len(b)) - 1
    return next((at for at in range(most) if a[at] != b[at]), most)


def packed_batches(ids, budget):
    """Cuts the sequences into lists of indices of which at most so many tokens are computed, one item at least.

    Those of one prompt lie side by side where sequences share prompts, and those of like length elsewhere.
    """
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    if not any(common(ids[a], ids[b]) >= SHARED for a, b in zip(order, order[1:], strict=False)):
        order.sort(key=lambda i: len(ids[i]))
    cut, batch, tokens = [], [], 0
    for i in order:
        shared = common(ids[batch[-1]], ids[i]) if batch else 0
        fresh = len(ids[i]) - (shared if shared >= SHARED else 0)
        if batch and tokens + fresh > budget:
            cut.append(batch)
            batch, tokens, fresh = [], 0, len(ids[i])
        batch.append(i)
        tokens += fresh
    return cut + [batch] if batch else cut


def segments(sequences):
    """Gives all segments, and each sequence's last one: prompts of SHARED tokens or more are segments that their
    neighbours follow."""
    every, last, at = [], [], 0
    while at < len(sequences):
        end, shared = at + 1, 0
        while end < len(sequences) and common(sequences[at], sequences[end]) >= SHARED:
            shared = min(shared or len(sequences[at]), common(sequences[at], sequences[end]))
            end += 1
        prompt = plan.Segment(None, 0, sequences[at][:shared]) if shared else None
        own = [plan.Segment(prompt, shared, ids[shared:]) for ids in sequences[at:end]]
        every += ([prompt] if prompt else []) + own
        last += own
        at = end
    return every, last


def tile_size(lengths):
    """Gives the query places of a tile with which attention is cheapest, by the server's rule."""
    sizes = {-(-max(lengths) // parts) for parts in range(1, max(2, max(lengths) // 16 + 1))}
    return min(sizes, key=lambda size: sum(-(-length // size) for length in lengths) * (size + GATHER))
