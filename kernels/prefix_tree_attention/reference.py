"""PyTorch reference of attention over a prefix tree.

The KV of all sequences lies in one arena a layer; a *slot* is one token's place in it. A query row
attends to two kinds of keys:

* keys of shared segments, cut into blocks of B keys. A block and up to C rows below it form an
  *item*: the queries of those rows and of the heads of one KV group are the rows of one matrix
  product with the block, so that the block is read once for all of them;
* its own keys, which nobody else reads.

Each block yields an unnormalised partial (maximum, sum, weighted values); a row's partials are
merged in fp32 by their log-sum-exp, in the order of its path from the root.

Every item has the same shape whatever the batch, and partials merge one after another: padding and
absent blocks are exact identities of the merge, so a row's result does not depend on its
neighbours as long as the matrix products themselves do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

PAD_POSITION = 1 << 30  # position of keys that no row may see
NO_KEY = -1e30  # maximum of a part that has no visible key: the merge gives it no weight
# Elements of keys gathered at once, by device: what a call allocates beside its arguments. On a CPU
# they shall still lie in a cache when they are multiplied.
GATHERED = {"cpu": 1 << 19, "cuda": 1 << 27}


@dataclass(frozen=True, slots=True)
class SharedItems:
    """Blocks of shared segments, each with the rows below it. All tensors int64, on the device."""

    rows: Tensor  # [I, C] rows of q; R (one past the last row) pads
    keys: Tensor  # [I, B] slots; 0 pads
    key_positions: Tensor  # [I, B] positions in the sequence; PAD_POSITION pads
    partials: Tensor  # [R, P] which of the I*C partials belong to a row, root first; I*C pads


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Keys that one row alone reads. Tensors int64, on the device."""

    keys: Tensor  # [R, L] slots; 0 pads
    key_positions: Tensor  # [R, L]; PAD_POSITION pads
    block: int  # keys a partial; L is a multiple of it


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """What each row of a step attends to; the same for every layer of one window."""

    positions: Tensor  # [R] int64 position of each row's token
    shared: SharedItems | None
    own: OwnKeys | None
    _hidden: dict[tuple[str, int | None], Tensor] = field(default_factory=dict)

    def hidden(self, part: str, window: int | None) -> Tensor:
        """Which keys a row may not see: [I, C, B] for "shared", [R, L] for "own"; bool, cached."""
        mask = self._hidden.get((part, window))
        if mask is None:
            if part == "shared":
                assert self.shared is not None
                padded = torch.cat([self.positions, self.positions.new_full((1,), -1)])  # [R+1]
                query = padded[self.shared.rows][:, :, None]  # [I, C, 1]
                key = self.shared.key_positions[:, None, :]  # [I, 1, B]
            else:
                assert self.own is not None
                query = self.positions[:, None]  # [R, 1]
                key = self.own.key_positions  # [R, L]
            mask = key > query
            if window is not None:
                mask |= key <= query - window
            self._hidden[part, window] = mask
        return mask

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
        """`prefix_tree_attention` with this plan."""
        return prefix_tree_attention(q, k, v, self, scale, window)


def prefix_tree_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    plan: AttentionPlan,
    scale: float,
    window: int | None = None,
) -> Tensor:
    """Attention of each row to the keys of its path. Source: arXiv 2403.08845, equations 3 and 4.

    q: [R, H, D]; k, v: [G, N, D], the layer's arena (G KV heads, H a multiple of G, N slots);
    plan: shapes in its classes, rows and slots in range; scale: multiplies the scores; window:
    sliding window in tokens (a key is seen while query - key < window), None for all.
    Returns [R, H, D] in q's dtype; the arithmetic is fp32.
    Raises ValueError on shapes that do not fit.
    """
    rows, heads, dim = q.shape
    groups = k.shape[0]
    if k.shape != v.shape or k.shape[2] != dim or heads % groups:
        raise ValueError(f"q {tuple(q.shape)} does not fit k {tuple(k.shape)}, v {tuple(v.shape)}")
    if plan.positions.shape != (rows,):
        raise ValueError(f"plan is of {plan.positions.shape[0]} rows, q has {rows}")
    # [G, R, H/G, D]; the scale is applied here once instead of to every score
    queries = (q.float() * scale).view(rows, groups, heads // groups, dim).transpose(0, 1)
    merge = _Merge()
    if plan.shared is not None:
        _add_shared(merge, queries, k, v, plan, plan.shared, window)
    if plan.own is not None:
        _add_own(merge, queries, k, v, plan, plan.own, window)
    return merge.result().transpose(0, 1).reshape(rows, heads, dim).to(q.dtype)


Partial = tuple[Tensor, Tensor, Tensor]  # maximum [.., 1], sum [.., 1], weighted values [.., D]


class _Merge:
    """Running log-sum-exp merge, one partial of every row at a time (fp32, [G, R, H/G, ...])."""

    def __init__(self) -> None:
        self.state: Partial | None = None

    def add(self, part: Partial) -> None:
        if self.state is None:
            self.state = part
            return
        maximum, total, values = self.state
        highest = torch.maximum(maximum, part[0])
        old, new = torch.exp(maximum - highest), torch.exp(part[0] - highest)
        self.state = (highest, total * old + part[1] * new, values * old + part[2] * new)

    def result(self) -> Tensor:
        """[G, R, H/G, D]; zeros for a row that sees no key (the sum of any other is at least 1)."""
        if self.state is None:
            raise ValueError("the plan has neither shared nor own keys")
        return self.state[2] / self.state[1].clamp_min(0.5)


def _partial(scores: Tensor, v: Tensor) -> Partial:
    """scores [X, M, B], -inf where hidden, v [X, B, D] -> [X, M, 1], [X, M, 1], [X, M, D]."""
    # Where no key is visible the maximum would be -inf, and -inf - -inf is NaN.
    maximum = scores.amax(-1, keepdim=True).clamp_min_(NO_KEY)
    weights = scores.sub_(maximum).exp_()
    return maximum, weights.sum(-1, keepdim=True), torch.bmm(weights, v)


def _add_shared(
    merge: _Merge,
    queries: Tensor,
    k: Tensor,
    v: Tensor,
    plan: AttentionPlan,
    items: SharedItems,
    window: int | None,
) -> None:
    groups, dim = queries.shape[0], queries.shape[3]
    count, width = items.rows.shape  # I, C
    block = items.keys.shape[1]  # B
    at_once = max(GATHERED[k.device.type] // (groups * block * dim), 1)
    parts = [
        _items(queries, k, v, items, plan.hidden("shared", window), slice(i, i + at_once))
        for i in range(0, count, at_once)
    ]
    maximum, total, weighted = (
        torch.cat(p, 1) if len(parts) > 1 else p[0] for p in zip(*parts, strict=True)
    )
    for place in items.partials.unbind(1):  # [R]
        absent = (place == count * width)[None, :, None, None]
        at = place.clamp(max=count * width - 1)
        merge.add(
            (
                maximum.index_select(1, at).masked_fill_(absent, NO_KEY),
                total.index_select(1, at),
                weighted.index_select(1, at),
            )
        )


def _items(
    queries: Tensor, k: Tensor, v: Tensor, items: SharedItems, hidden: Tensor, some: slice
) -> Partial:
    """Partials of some items: [G, I*C, H/G, 1 | 1 | D]."""
    groups, rows, share, dim = queries.shape
    item_rows, item_keys, unseen = items.rows[some], items.keys[some], hidden[some]
    (count, width), block = item_rows.shape, item_keys.shape[1]
    # Row R of the items is padding; any row will do for it, since nothing reads its partials.
    at = item_rows.clamp(max=rows - 1).reshape(-1)
    q = queries.index_select(1, at).view(groups * count, width * share, dim)
    slots = item_keys.reshape(-1)
    keys = k.index_select(1, slots).float().view(groups * count, block, dim)
    values = v.index_select(1, slots).float().view(groups * count, block, dim)
    scores = torch.bmm(q, keys.transpose(1, 2))  # [G*I, C*H/G, B]
    by_item = scores.view(groups, count, width, share, block)
    by_item.masked_fill_(unseen[None, :, :, None, :], -torch.inf)
    maximum, total, weighted = (
        part.view(groups, count * width, share, -1) for part in _partial(scores, values)
    )
    return maximum, total, weighted


def _add_own(
    merge: _Merge,
    queries: Tensor,
    k: Tensor,
    v: Tensor,
    plan: AttentionPlan,
    own: OwnKeys,
    window: int | None,
) -> None:
    groups, rows, _, dim = queries.shape  # [G, R, H/G, D]
    at_once = max(GATHERED[k.device.type] // (groups * own.block * dim), 1)
    hidden = plan.hidden("own", window)  # [R, L]
    for start in range(0, own.keys.shape[1], own.block):
        keys, unseen = (x[:, start : start + own.block] for x in (own.keys, hidden))
        parts = [
            _own_block(
                queries[:, i : i + at_once], k, v, keys[i : i + at_once], unseen[i : i + at_once]
            )
            for i in range(0, rows, at_once)
        ]
        maximum, total, weighted = (
            torch.cat(p, 1) if len(parts) > 1 else p[0] for p in zip(*parts, strict=True)
        )
        merge.add((maximum, total, weighted))


def _own_block(queries: Tensor, k: Tensor, v: Tensor, slots: Tensor, unseen: Tensor) -> Partial:
    """queries [G, R, H/G, D], slots and unseen [R, B] -> [G, R, H/G, 1 | 1 | D]."""
    groups, rows, share, dim = queries.shape
    block, flat = slots.shape[1], slots.reshape(-1)
    keys = k.index_select(1, flat).float().view(groups * rows, block, dim)
    values = v.index_select(1, flat).float().view(groups * rows, block, dim)
    scores = torch.bmm(queries.reshape(groups * rows, share, dim), keys.transpose(1, 2))
    by_row = scores.view(groups, rows, share, block)
    by_row.masked_fill_(unseen[None, :, None, :], -torch.inf)
    maximum, total, weighted = (
        part.view(groups, rows, share, -1) for part in _partial(scores, values)
    )
    return maximum, total, weighted
