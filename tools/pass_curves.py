"""Writes pass@n and pass@top3 against n of a run, from its report, beside the engine's results.

`python tools/pass_curves.py RUN [RANKER]`; the run is made by the command that it names:
`forkeval run quickstart --set sampling.n=200 --set name=pass-curves`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from engine_results import RESULTS

COMMAND = "forkeval run quickstart --set sampling.n={n} --set name=pass-curves"
METRIC = "pass@top3"


def curves(doc: dict[str, Any], ranker: str) -> dict[str, Any]:
    """What the figure shows, of a report's metrics.json. Raises ValueError for another ranker."""
    whole = next(scope for scope in doc["scopes"] if scope["whole"])
    ranked = [c for c in doc["ranked_curves"] if (c["ranker"], c["metric"]) == (ranker, METRIC)]
    if not ranked or ranked[0]["reason"]:
        raise ValueError(f"the report has no curve of {METRIC} after {ranker}")
    shown = (("pass@n", whole["curve"]), (METRIC, ranked[0]))
    return {
        "command": COMMAND.format(n=doc["n"]),
        "ranker": ranker,
        "n": doc["n"],
        "problems": len(doc["per_problem"]),
        "curves": [
            {"name": name, **{key: curve[key] for key in ("k", "value", "low", "high")}}
            for name, curve in shown
        ],
    }


if __name__ == "__main__":
    document = json.loads((Path(sys.argv[1]) / "report" / "metrics.json").read_text())
    chosen = sys.argv[2] if len(sys.argv) > 2 else "mean_logprob"
    target = RESULTS / "tiny-pass-curves.json"
    target.write_text(json.dumps(curves(document, chosen), indent=1) + "\n")
    print(f"written: {target}")
