"""`forkeval bench engine`: which tables, at which shapes, into which files."""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from kernels.prefix_tree_attention.bench.floors import Floors
from kernels.prefix_tree_attention.bench.record import ceilings, words
from pipeline.bench.decode_step import Case
from pipeline.bench.generate import generate_speed
from pipeline.bench.plain_decoder import FORMS
from pipeline.bench.random_weights import write_checkpoint
from pipeline.bench.results import FOLDER, Results
from pipeline.bench.sample_stage import configuration, sampled
from pipeline.bench.shapes import SHAPES
from pipeline.bench.steps import emptied, step_rows
from pipeline.bench.workloads import humaneval, one_prompt
from pipeline.records import UserError

LARGE_MHA = (1000, 64)  # from that many rows of multi-head attention on, own tokens
FEW = 10  # samples a prompt of a short run, in which most kernels are loaded


def bench_engine(options: Namespace) -> None:
    """Runs one kind of table. Raises UserError where there is no GPU for it."""
    if not torch.cuda.is_available():
        raise UserError("bench engine needs an NVIDIA GPU, and there is none")
    options.name = options.name or options.what
    for flag, known in (("peers", FORMS), ("shapes", SHAPES)):
        unknown = [name for name in getattr(options, flag) if name not in known]
        if unknown:
            raise UserError(f"--{flag}: {unknown[0]!r} is none of {', '.join(known)}")
    device = torch.device("cuda", torch.cuda.current_device())
    if options.what == "steps":
        _steps(options, device)
    else:
        _samples(options, device)


def _steps(options: Namespace, device: torch.device) -> None:
    floors = Floors(device)
    emptied()
    for shape in options.shapes:
        heads, kv_heads = (
            SHAPES[shape][f"num_{kind}_heads"] for kind in ("attention", "key_value")
        )
        cases = [
            Case(rows, prefix, _own(rows, options.own, heads == kv_heads))
            for prefix in options.prefixes
            for rows in options.rows
        ]
        results = _results(options, f"{options.name}-{shape}", device)
        results.note(**ceilings(floors))
        step_rows(results, shape, cases, options.peers, options.sustained, floors, device)
        emptied()
        print(f"written: {results.path}")


def _own(rows: int, own: int, multi_head: bool) -> int:
    least, shorter = LARGE_MHA
    return min(own, shorter) if multi_head and rows >= least else own


def _samples(options: Namespace, device: torch.device) -> None:
    shape = options.shapes[0]
    vocabulary = SHAPES[shape]["vocab_size"]
    results = _results(options, f"{options.name}-{shape}", device)
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        checkpoint = folder / "checkpoint"
        write_checkpoint(checkpoint, shape, torch.bfloat16, device)
        one = one_prompt()
        # The first run compiles, or loads, what the second one then finds.
        runs = [(one, one.samples, "first"), (one, one.samples, "second")]
        for rows in options.max_rows:
            few = min(FEW, options.samples)
            runs += [(humaneval(few), rows, "first"), (humaneval(options.samples), rows, "second")]
        for workload, max_rows, note in runs:
            config = configuration(
                folder, checkpoint, workload, vocabulary, str(device), max_rows, options.overrides
            )
            head = {"workload": workload.name, "max_rows": max_rows, "note": note}
            try:
                results.add(head | sampled(config))
            except Exception as fault:  # the other workloads go on
                results.add(head | {"fault": f"{type(fault).__name__}: {fault}"})
            emptied()
        if options.generate:
            results.add(generate_speed(checkpoint, vocabulary, 512, 64, 64, device))
    print(f"written: {results.path}")


def _results(options: Namespace, name: str, device: torch.device) -> Results:
    return Results(options.out or FOLDER, name, "forkeval " + shlex.join(words()), device)
