"""x @ w^T + bias, each element summed in float32 from zero in the order of k, the bias last."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["rows"])
def product(
    x, w, bias, out, rows, columns, inner, x_row, w_row, out_row,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, STAGES: tl.constexpr,
    EVEN: tl.constexpr, BIAS: tl.constexpr,
):  # fmt: skip
    """One program: a tile of BM rows and BN columns. EVEN: columns and inner are whole tiles.

    x [R, K], w [N, K], bias [N], out [R, N]; *_row: elements from one row to the next.
    Tiles of the same columns are next to each other, so that weights come from memory once.
    """
    tiles = tl.cdiv(rows, BM)
    m = tl.program_id(0) % tiles * BM + tl.arange(0, BM)
    n = tl.program_id(0) // tiles * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    x_at = x + m.to(tl.int64)[:, None] * x_row + k[None, :]
    w_at = w + n.to(tl.int64)[:, None] * w_row + k[None, :]
    total = tl.zeros([BM, BN], tl.float32)
    for start in tl.range(0, inner, BK, num_stages=STAGES):
        if EVEN:
            a = tl.load(x_at + start, mask=(m < rows)[:, None], other=0.0)
            b = tl.load(w_at + start)
        else:
            inside = (start + k < inner)[None, :]
            a = tl.load(x_at + start, mask=(m < rows)[:, None] & inside, other=0.0)
            b = tl.load(w_at + start, mask=(n < columns)[:, None] & inside, other=0.0)
        total = tl.dot(a, tl.trans(b), total, input_precision="ieee")
    if BIAS:
        total += tl.load(bias + n, mask=n < columns, other=0.0).to(tl.float32)[None, :]
    tl.store(
        out + m.to(tl.int64)[:, None] * out_row + n[None, :],
        total.to(out.dtype.element_ty),
        mask=(m < rows)[:, None] & (n < columns)[None, :],
    )
