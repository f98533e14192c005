"""Attention over a prefix tree: every shared segment's KV is read once for all sequences below it.

Bifurcated attention (arXiv 2403.08845) is the tree of depth two. `reference` is the PyTorch form;
it runs on CPU and GPU and is the oracle of every other implementation. `decode` has the kernels of
a decode step on an NVIDIA GPU; it needs Triton and is not imported from here.
"""

from kernels.prefix_tree_attention.reference import (
    PAD_POSITION,
    AttentionPlan,
    OwnKeys,
    SharedItems,
    prefix_tree_attention,
)
from kernels.prefix_tree_attention.tree import Branch, Segment

__all__ = [
    "PAD_POSITION",
    "AttentionPlan",
    "Branch",
    "OwnKeys",
    "Segment",
    "SharedItems",
    "prefix_tree_attention",
]
