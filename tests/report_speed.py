"""Measures the report of 200,000 candidates: making it, its size, and opening it in Chromium.

`python -m tests.report_speed OUT.json` from the root. Report and comparison run in processes of
their own, so that the peak memory is theirs; the synthetic run counts in it.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from synthetic_run import synthetic_run

from reports import render
from reports.comparison import Compared, Side, compared

PROBLEMS, N, BODIES = 67, 1000, 1000  # three languages: 201 problems, 201,000 candidates
NAMES = ("chromium", "chromium-browser", "google-chrome")


def made(folder: Path) -> dict[str, Any]:
    """Writes the report; wall and CPU seconds, peak bytes of the whole process, sizes."""
    source = synthetic_run(problems=PROBLEMS, n=N, bodies=BODIES, max_rows=1000, stretch=200)
    wall, cpu = time.perf_counter(), time.process_time()
    page = render(source, folder)
    return {
        "problems": source.problems.num_rows,
        "candidates": source.candidates.num_rows,
        "programs": source.executions.num_rows,
        "report_wall_seconds": time.perf_counter() - wall,
        "report_cpu_seconds": time.process_time() - cpu,
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "page_bytes": page.stat().st_size,
    }


def compared_to_itself() -> dict[str, float]:
    """Seconds of a comparison of two such runs, whose verdicts are each other's, shifted."""
    first = synthetic_run(problems=PROBLEMS, n=N, bodies=BODIES, max_rows=1000, stretch=200)
    at = first.verdicts.schema.get_field_index("verdict")
    moved = pa.array([*first.verdicts["verdict"].to_pylist()[1:], "passed"])
    verdicts = first.verdicts.set_column(at, "verdict", moved)
    second = dataclasses.replace(first, name="second", verdicts=verdicts)
    wall, cpu = time.perf_counter(), time.process_time()
    compared(Compared(Side("first", first), [Side("second", second)]))
    return {
        "compare_wall_seconds": time.perf_counter() - wall,
        "compare_cpu_seconds": time.process_time() - cpu,
    }


def opened(page: Path) -> dict[str, Any]:
    """Seconds from navigation to the first paint, to the end of loading, and to an open problem."""
    path = next(found for name in NAMES if (found := shutil.which(name)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        times: list[dict[str, float]] = []
        for _ in range(5):
            tab = browser.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_function("performance.getEntriesByType('paint').length > 0")
            seen = tab.evaluate(
                "({first_paint_seconds: performance.getEntriesByName('first-contentful-paint')[0]"
                ".startTime / 1000, loaded_seconds: "
                "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000})"
            )
            start = time.perf_counter()
            tab.evaluate("location.hash = '#mbxp/python/MBPP/40'")
            tab.locator("details.program[open] pre").first.wait_for()
            times.append({**seen, "problem_seconds": time.perf_counter() - start})
            tab.close()
        version = browser.version
        browser.close()
    worst = {name: max(one[name] for one in times) for name in times[0]}
    return {"chromium": version, "visits": len(times), **worst}


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        child = [sys.executable, "-m", "tests.report_speed", "--made", folder]
        done = subprocess.run(child, check=True, capture_output=True, text=True)
        result = json.loads(done.stdout) | opened(Path(folder) / "report.html")
    result |= compared_to_itself()
    machine = {"machine": platform.machine(), "python": platform.python_version()}
    command = "python -m tests.report_speed"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"command": command, **machine, **result}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "--made":
        print(json.dumps(made(Path(sys.argv[2]))))
    else:
        main(Path(sys.argv[1]))
