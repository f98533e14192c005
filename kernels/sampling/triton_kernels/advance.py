"""A drawn token written into the rows' state, and whether it ends the row."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["real", "most", "vocabulary"])
def advance_rows(
    rows, tokens, raw, processed, table, ends, real, most, vocabulary, state_token, state_count,
    state_ended, state_limit, state_stop, state_ids, state_raw, state_processed, ended_out,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """One program: BLOCK of the first `real` rows. rows, tokens: [R] int64; raw, processed: [R];
    table: [T, V] int16, next state of the stop automaton; ends: [V] bool; state_*: [S], ids and
    log-probabilities [S, most]; ended_out: [R] bool."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < real
    row = tl.load(rows + place, mask=inside, other=0)
    token = tl.load(tokens + place, mask=inside, other=0)
    model = tl.load(raw + place, mask=inside, other=0.0)
    count = tl.load(state_count + row, mask=inside, other=0)
    room = inside & (count < most)
    tl.store(state_ids + row * most + count, token, mask=room)
    tl.store(state_raw + row * most + count, model, mask=room)
    drawn_from = tl.load(processed + place, mask=inside, other=0.0)
    tl.store(state_processed + row * most + count, drawn_from, mask=room)
    stop = tl.load(state_stop + row, mask=inside, other=0)
    stop = tl.load(table + stop * vocabulary + token, mask=inside, other=0).to(tl.int64)
    end = (stop == 0) | (tl.load(ends + token, mask=inside, other=0) != 0)
    count += 1
    end = end | (count >= tl.load(state_limit + row, mask=inside, other=0)) | (model != model)
    ended = tl.load(state_ended + row, mask=inside, other=0)
    ended = tl.where(end & (ended == 0), count, ended)
    tl.store(state_token + row, token, mask=inside)
    tl.store(state_count + row, count, mask=inside)
    tl.store(state_stop + row, stop, mask=inside)
    tl.store(state_ended + row, ended, mask=inside)
    tl.store(ended_out + place, (ended > 0).to(tl.int8), mask=inside)
