"""The command line: parses, calls one function of `commands`, turns faults into one line each."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from pipeline import commands
from pipeline.environment import forkeval_version
from pipeline.records import UserError
from pipeline.stages import STAGES


def parser() -> argparse.ArgumentParser:
    """The whole grammar of the command line; docs/cli.md is generated from it."""
    top = argparse.ArgumentParser(
        prog="forkeval",
        description="Evaluate code-generation models: fork each prompt into many candidates, run "
        "them in sandboxes, rank them, and report pass@k against the compute spent.",
    )
    top.add_argument("--version", action="version", version=f"forkeval {forkeval_version()}")
    top.add_argument("-v", "--verbose", action="store_true", help="show the trace of an error")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    run = verbs.add_parser("run", help="run the stages of a configuration (or go on with them)")
    run.add_argument(
        "config", nargs="?", default="quickstart", help="a YAML file or a named configuration"
    )
    add_overrides(run)
    add_stages(run)
    run.set_defaults(call=commands.run)

    resume = verbs.add_parser("resume", help="go on with a run directory")
    resume.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    add_overrides(resume)
    add_stages(resume)
    resume.set_defaults(call=commands.resume)

    status = verbs.add_parser("status", help="what a run has done and what is missing")
    status.add_argument("run", type=Path, metavar="RUN")
    status.set_defaults(call=commands.status)

    report = verbs.add_parser("report", help="write the report of a run again")
    report.add_argument("run", type=Path, metavar="RUN")
    add_overrides(report)
    report.set_defaults(call=commands.report)

    show = verbs.add_parser("show", help="one problem: prompt, candidates, verdicts")
    show.add_argument("run", type=Path, metavar="RUN")
    show.add_argument("task", metavar="TASK", help="a task id, or dataset/language/task id")
    show.add_argument("--sample", type=int, help="only this sample")
    show.set_defaults(call=commands.show)

    export = verbs.add_parser(
        "export", help="a run's samples as other harnesses' files, or Parquet"
    )
    export.add_argument("run", type=Path, metavar="RUN")
    export.add_argument("--format", required=True, choices=commands.EXPORTS)
    export.add_argument(
        "--out", type=Path, help="a directory, or one sample file; else RUN/export/FORMAT"
    )
    export.add_argument("--dataset", help="only this dataset")
    export.add_argument("--language", help="only this language")
    export.add_argument(
        "--raw", action="store_true", help="completions as sampled; else cut, as they were judged"
    )
    export.add_argument(
        "--results", action="store_true", help="also FILE_results.jsonl, with this run's verdicts"
    )
    export.set_defaults(call=commands.export)

    importing = verbs.add_parser("import", help="other systems' samples as a run, ready to execute")
    importing.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="JSON Lines (or .gz) or Parquet"
    )
    importing.add_argument(
        "--benchmark",
        dest="benchmarks",
        action="append",
        required=True,
        metavar="BENCHMARK",
        help="what they are samples of: a name, or a JSONL file of problems (repeatable)",
    )
    importing.add_argument(
        "--language",
        dest="languages",
        action="append",
        default=[],
        metavar="LANGUAGE",
        help="of samples that name none; else python (repeatable)",
    )
    importing.add_argument(
        "--partial", action="store_true", help="a run of the problems that have samples"
    )
    importing.add_argument("--out", type=Path, help="the run directory; else runs/FILE")
    add_overrides(importing)
    importing.set_defaults(call=commands.import_samples)

    compare = verbs.add_parser("compare", help="what changed from one run to others")
    compare.add_argument(
        "baseline", type=Path, metavar="RUN", help="the run that the others are held against"
    )
    compare.add_argument("others", type=Path, nargs="+", metavar="RUN", help="each is compared")
    compare.add_argument(
        "--across",
        type=kinds,
        default=(),
        metavar="KIND,...",
        help="compare runs that differ in this: data, truncation, toolchain",
    )
    compare.add_argument(
        "--out",
        type=Path,
        help="directory for compare.json, compare.md, compare.html and its figures as files",
    )
    compare.set_defaults(call=commands.compare)

    plan = verbs.add_parser(
        "plan", help="from a pilot: the n that an interval needs, and what that run will cost"
    )
    plan.add_argument("run", type=Path, metavar="RUN", help="a run of a few samples a problem")
    plan.add_argument(
        "--width",
        type=float,
        default=5.0,
        metavar="POINTS",
        help="of the interval of pass@k, from end to end, in percentage points (default 5)",
    )
    plan.add_argument(
        "--k", type=int, action="append", default=[], help="repeatable; else those of the report"
    )
    plan.add_argument("--n", type=int, help="tell the cost of this n, not of what is needed")
    plan.add_argument("--problems", type=int, help="of the full run; else as many as the pilot's")
    plan.set_defaults(call=commands.plan)

    nightly = verbs.add_parser(
        "nightly", help="a matrix of runs, a history, gates: one night, or going on with it"
    )
    nightly.add_argument("config", help="a YAML file, or `quickstart`, which comes with forkeval")
    nightly.add_argument(
        "--accept",
        type=int,
        metavar="NIGHT",
        help="run nothing: what that night showed is meant, and the baseline from now on",
    )
    nightly.add_argument(
        "--template",
        choices=commands.SCHEDULERS,
        help="run nothing: print the file that starts every night from there",
    )
    add_overrides(nightly)
    nightly.set_defaults(call=commands.nightly)

    images = verbs.add_parser("images", help="the sandbox images")
    verb = images.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in (
        ("build", "build what is missing and self-test it"),
        ("test", "run each image's self-test programs"),
        ("list", "languages, tags, digests, toolchains"),
    ):
        sub = verb.add_parser(action, help=text)
        sub.add_argument("languages", nargs="*", metavar="LANGUAGE", help="else all")
        sub.set_defaults(call=commands.images)

    data = verbs.add_parser("data", help="the benchmarks' data")
    verb = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in (
        ("list", "benchmarks, files, revisions, licences"),
        ("check", "compare local files with the manifests"),
        ("fetch", "download at the pinned revisions"),
    ):
        sub = verb.add_parser(action, help=text)
        sub.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="else all")
        sub.add_argument("--path", type=Path, help="directory of the data; else FORKEVAL_DATA")
        sub.set_defaults(call=commands.data)

    weak = verb.add_parser("weak", help="run constant programs on the benchmarks' tests")
    weak.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="else all")
    weak.add_argument(
        "--language",
        dest="languages",
        action="append",
        default=[],
        metavar="LANGUAGE",
        help="only this language (repeatable); else all whose image is built",
    )
    weak.add_argument("--path", type=Path, help="directory of the data; else FORKEVAL_DATA")
    weak.add_argument("--out", type=Path, help="directory of the findings; else the package's own")
    weak.add_argument("--workers", type=int, help="sandboxes at once; else as many as cores")
    weak.set_defaults(call=commands.weak)

    config = verbs.add_parser("config", help="the configuration")
    verb = config.add_subparsers(dest="action", required=True, metavar="ACTION")
    schema = verb.add_parser("schema", help="print the JSON schema, for editors")
    schema.set_defaults(call=commands.config_schema)
    resolved = verb.add_parser("show", help="check a configuration and print it resolved")
    resolved.add_argument("config", nargs="?", default="quickstart")
    add_overrides(resolved)
    resolved.set_defaults(call=commands.config_show)
    listing = verb.add_parser("list", help="the named configurations")
    listing.set_defaults(call=commands.config_list)

    bench = verbs.add_parser("bench", help="speed, beside floors and peers of the same run")
    verb = bench.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_bench_engine(verb.add_parser("engine", help="the sampling engine on an NVIDIA GPU"))

    doctor = verbs.add_parser("doctor", help="what this machine has, what is missing, and the fix")
    doctor.set_defaults(call=commands.doctor)
    return top


def add_overrides(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key, e.g. --set sampling.n=200 (repeatable)",
    )


def add_bench_engine(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "what",
        choices=["steps", "samples"],
        help="steps: a decode step of a whole model with random weights; samples: the sample "
        "stage with shards on disk, each sample's length drawn by seed",
    )
    verb.add_argument(
        "--shapes",
        nargs="+",
        metavar="SHAPE",
        default=["Llama-2-7B"],
        help="Llama-2-7B, Mistral-7B, Qwen2.5-Coder-1.5B (samples: the first one named)",
    )
    verb.add_argument(
        "--rows", nargs="+", type=int, default=[1, 16, 64, 256, 1024], help="steps: samples at once"
    )
    verb.add_argument(
        "--prefixes", nargs="+", type=int, default=[8192], help="steps: tokens of the prompt"
    )
    verb.add_argument("--own", type=int, default=128, help="steps: tokens of each sample")
    verb.add_argument(
        "--peers", nargs="*", default=[], metavar="PEER",
        help="steps: compiled decoders with `two einsums` or `replicated SDPA`",
    )  # fmt: skip
    verb.add_argument(
        "--sustained", type=float, default=0.0, metavar="SECONDS", help="steps: a long window too"
    )
    verb.add_argument(
        "--max-rows", nargs="+", type=int, default=[1024], help="samples: sequences decoded at once"
    )
    verb.add_argument(
        "--samples", type=int, default=200, help="samples: of each of the 164 prompts"
    )
    verb.add_argument(
        "--generate", action="store_true", help="samples: transformers' generate beside it"
    )
    verb.add_argument("--name", help="of the table in its file's name; else steps or samples")
    verb.add_argument("--out", type=Path, help="directory of the JSON; else the package's own")
    add_overrides(verb)
    verb.set_defaults(call=commands.bench_engine)


def add_stages(verb: argparse.ArgumentParser) -> None:
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--stage", choices=STAGES, help="only this stage, on what earlier ones left")
    which.add_argument("--from-stage", choices=STAGES, help="this stage and those after it")


def kinds(text: str) -> tuple[str, ...]:
    """The value of --across."""
    found = tuple(word.strip() for word in text.split(","))
    for word in found:
        if word not in commands.ACROSS:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(commands.ACROSS)}")
    return found


def terminated(signum: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: what is finished is written first."""
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 a check failed, 2 a fault the user can mend, 130 stopped."""
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, terminated)
    try:
        return int(arguments.call(arguments))
    except UserError as fault:
        if arguments.verbose:
            traceback.print_exc()
        print(f"forkeval: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("forkeval: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # a closed pager is no fault, and Python would report it at exit
        return 0
    except OSError as fault:  # no access, no space, no such file: the system's own words say it
        if arguments.verbose:
            traceback.print_exc()
        where = f"{fault.filename}: " if fault.filename else ""
        print(f"forkeval: {where}{fault.strerror or fault}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
