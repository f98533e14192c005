"""What a step feeds to the model, gathered from the state of its rows."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["most", "pages_row", "trash"])
def gather_inputs(
    rows, token, prompt, count, ended, slots, embedding, hidden, positions, places, lengths, pages,
    most, pages_row, trash,
    PAGE: tl.constexpr, SIZE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One program a row of the step: its token's embedding, position, slot, own length and pages.

    A row that has ended or is full reads and writes the slot `trash` alone. slots: [S, most], where
    a row's own keys lie, page by page; pages: [R, pages_row] first slot of each page.
    """
    at = tl.program_id(0).to(tl.int64)
    row = tl.load(rows + at)
    own = tl.load(count + row)
    idle = (tl.load(ended + row) > 0) | (own >= most)
    own = tl.where(idle, 1, own)
    tl.store(positions + at, tl.load(prompt + row) + own - 1)
    place = tl.load(slots + row * most + own - 1)
    tl.store(places + at, tl.where(idle, trash, place))
    tl.store(lengths + at, own.to(tl.int32))
    for start in tl.range(0, pages_row, 32):
        page = start + tl.arange(0, 32)
        there = page < pages_row
        first = tl.load(slots + row * most + page * PAGE, mask=there, other=0)
        tl.store(pages + at * pages_row + page, tl.where(idle, trash, first), mask=there)
    source = embedding + tl.load(token + row) * SIZE
    for start in tl.range(0, SIZE, BLOCK):
        column = start + tl.arange(0, BLOCK)
        inside = column < SIZE
        x = tl.load(source + column, mask=inside, other=0.0)
        tl.store(hidden + at * SIZE + column, x, mask=inside)
