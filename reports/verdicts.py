"""What became of the candidates: verdicts, truncation, executions saved, timeouts retried."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.records import EVIDENCE, VERDICTS
from reports.tally import Tally

ALARM = 0.05  # share of truncated or unterminated candidates above which the scores are suspect


def breakdown(tally: Tally, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Counts over the samples of these problems.

    `truncated`: ended by the token limit before the end of the function was found. `unterminated`:
    truncation looked for the end of the function and found none. `evidence`: verdicts by what they
    rest on. `saved`: executions that were not
    needed because an equal program had run. `changed`: candidates whose retried verdict differs.
    """
    verdict = tally.verdict[rows]
    present = verdict >= 0
    samples = int(present.sum())
    counts = np.bincount(verdict[present].astype(np.int64), minlength=len(VERDICTS))
    first = tally.first_verdict[rows]
    programs = tally.program[rows]
    distinct = len(np.unique(programs[present & (programs >= 0)]))
    truncated = int((tally.length[rows] & ~tally.whole[rows] & present).sum())
    unterminated = int((tally.unterminated[rows] & present).sum())
    timeouts = first == VERDICTS.index("timeout")
    return {
        "samples": samples,
        "missing": int((~present).sum()),
        "verdicts": {name: int(count) for name, count in zip(VERDICTS, counts, strict=True)},
        "evidence": {
            name: int((present & (tally.evidence[rows] == code)).sum())
            for code, name in enumerate(EVIDENCE)
        },
        "truncated": truncated,
        "truncation_rate": _share(truncated, samples),
        "unterminated": unterminated,
        "unterminated_rate": _share(unterminated, samples),
        "token_limit": int((tally.length[rows] & present).sum()),
        "distinct_programs": distinct,
        "saved": samples - distinct,
        "timeouts_first": int(timeouts.sum()),
        "changed_by_retry": int((present & (first != verdict)).sum()),
        "timeouts_changed": int((timeouts & (first != verdict)).sum()),
    }


def _share(part: int, total: int) -> float:
    return part / total if total else float("nan")
