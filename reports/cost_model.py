"""Device seconds of decoding, as a model fitted to measured stretches of engine work.

    seconds = a * steps + b * rows + c * kv_tokens,        a, b, c >= 0

a: what a forward pass costs whatever is in it (weights read, kernels started); b: a row's matrix
products; c: a cached token read. Non-negative least squares on relative errors. The seconds at k
samples are never the seconds at another k times a factor: they are measured where k is what was
run, and otherwise predicted from a simulated schedule of the samples' own lengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports.intervals import stream
from reports.schedule import Work

Floats = NDArray[np.float64]

FEATURES = ("steps", "rows", "kv_tokens")
MIN_STRETCHES = 12
MAX_ERROR = 0.20  # held-out mean relative error, and error of the whole, beyond which none is drawn
FOLDS = 5  # every stretch is held out once


@dataclass(frozen=True, slots=True)
class CostModel:
    """Coefficients in seconds, and how well such fits predict stretches that were held out.

    `mape`, the mean relative error, and `r2` are of five-fold cross-validation: every stretch is
    predicted by a fit to the four fifths that it is not in.
    """

    coefficients: tuple[float, float, float]  # a step, a row, a cached token
    stretches: int
    mape: float
    r2: float

    def seconds(self, work: Work) -> float:
        values = (work.steps, work.rows, work.kv_tokens)
        return float(sum(a * x for a, x in zip(self.coefficients, values, strict=True)))


def nonnegative_least_squares(x: Floats, y: Floats) -> Floats:
    """argmin over w >= 0 of |x w - y|, for the few columns that we have: every support is tried.

    Exact: the optimum is the unconstrained one on its own support.
    """
    columns = x.shape[1]
    best, best_error = np.zeros(columns), float(y @ y)
    for size in range(1, columns + 1):
        for support in combinations(range(columns), size):
            w, *_ = np.linalg.lstsq(x[:, support], y, rcond=None)
            if (w < 0).any():
                continue
            error = float(np.sum((x[:, support] @ w - y) ** 2))
            if error < best_error:
                best, best_error = np.zeros(columns), error
                best[list(support)] = w
    return best


def relative_fit(x: Floats, y: Floats) -> Floats:
    """Weights that minimise relative errors: long stretches must not decide alone."""
    scale = x.max(axis=0)
    scale[scale == 0] = 1.0  # a feature that never occurs keeps weight 0
    weights = nonnegative_least_squares(x / scale / y[:, None], np.ones(len(y)))
    return np.asarray(weights / scale)


def fit(steps: pa.Table, kind: str, seed: int = 0) -> CostModel | str:
    """The model of one kind of work, or one line saying why there is none.

    steps: columns of `EngineStep`; stretches of several devices are not mixed.
    """
    rows = steps.filter(pc.equal(steps["kind"], kind)) if steps.num_rows else steps
    if rows.num_rows < MIN_STRETCHES:
        return (
            f"{rows.num_rows} timed {kind} stretches were recorded; "
            f"a fit with held-out stretches needs {MIN_STRETCHES}"
        )
    devices = sorted(set(rows["device"].to_pylist()))
    if len(devices) > 1:
        return f"{kind} ran on several devices ({', '.join(devices)}), which cost differently"
    rows = rows.sort_by([("session", "ascending"), ("index", "ascending")])
    x = np.stack([rows[name].to_numpy().astype(np.float64) for name in FEATURES], axis=1)
    y = rows["m_seconds"].to_numpy().astype(np.float64)
    timed = y > 0
    x, y = x[timed], y[timed]
    if len(y) < MIN_STRETCHES:
        return f"only {len(y)} {kind} stretches took a measurable time"
    fold = stream(seed, "cost-model", kind).permutation(len(y)) % FOLDS
    guess = np.empty(len(y))
    for held in range(FOLDS):
        inside = fold == held
        guess[inside] = x[inside] @ relative_fit(x[~inside], y[~inside])
    mape = float(np.mean(np.abs(guess / y - 1.0)))
    spread = float(np.sum((y - y.mean()) ** 2))
    r2 = 1.0 - float(np.sum((guess - y) ** 2)) / spread if spread else math.nan
    if mape > MAX_ERROR:
        return (
            f"the fit misses held-out {kind} stretches by {mape:.0%} on average "
            f"(limit {MAX_ERROR:.0%})"
        )
    a, b, c = (float(value) for value in relative_fit(x, y))
    return CostModel((a, b, c), len(y), mape, r2)
