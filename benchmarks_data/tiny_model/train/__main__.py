"""``python -m benchmarks_data.tiny_model.train``: hashes, tokenizer, train, evaluate, show."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

from tqdm import tqdm

from .contamination import Published, read_runs, runs
from .data import Mixture, TextStream
from .problems import ProblemStream

MODEL_DIRECTORY = Path(__file__).parent.parent


def _hashes(arguments: argparse.Namespace) -> None:
    published = Published.read_problems(arguments.data, arguments.more)
    published.save(arguments.out)
    print(f"{len(published):,} runs of 13 words")


def _check(arguments: argparse.Namespace) -> None:
    published = Published.read_problems(arguments.data, arguments.more)
    words = read_runs(arguments.data, arguments.more)
    stream = TextStream(f"{arguments.seed}/0", published)
    progress = tqdm(total=arguments.count, unit="statement")
    while progress.n < arguments.count:
        # What training draws, compared word by word rather than by hashes.
        statements = [next(stream.problems).statement for _ in range(900)]
        statements += [next(stream.functions).statement for _ in range(100)]
        for statement in statements:
            if not words.isdisjoint(runs(statement)):
                raise SystemExit(f"a training statement shares 13 words: {statement}")
        progress.update(len(statements))
    dropped = sum((stream.problems.dropped + stream.functions.dropped).values())
    print(f"{progress.n:,} statements share no run of 13 words; {dropped:,} others were dropped")


def _tokenizer(arguments: argparse.Namespace) -> None:
    from .tokenization import train_tokenizer

    mixture = Mixture(functions=0.3)
    texts = itertools.islice(TextStream("tokenizer", None, mixture), arguments.texts)
    tokenizer = train_tokenizer(part for pair in texts for part in pair)
    arguments.directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(arguments.directory / "tokenizer.json"))
    print(f"{tokenizer.get_vocab_size()} tokens")


def _train(arguments: argparse.Namespace) -> None:
    from .training import TrainingConfig, train

    if arguments.data:
        Published.read_problems(arguments.data, arguments.more).save(arguments.published)
    if arguments.texts:
        _tokenizer(arguments)

    config = TrainingConfig(
        steps=arguments.steps,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        workers=arguments.workers,
        tokens=arguments.tokens,
        max_seconds=arguments.max_seconds,
    )
    train(arguments.directory, arguments.published, config)


def _evaluate(arguments: argparse.Namespace) -> None:
    import torch

    from . import evaluation, model, sampling, tokenization

    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = model.load(arguments.directory, device).to(
        torch.bfloat16 if device == "cuda" else torch.float32
    )
    tokenizer = tokenization.load_tokenizer(arguments.directory / "tokenizer.json")
    results: dict[str, object] = {}
    for path in arguments.problems:
        begin = time.monotonic()
        tasks = evaluation.read_tasks(path)[: arguments.limit]
        prompts = [tokenizer.encode(t.prompt).ids for t in tasks]
        ids = sampling.sample(
            net,
            prompts,
            arguments.n,
            temperature=arguments.temperature,
            top_p=arguments.top_p,
            max_new_tokens=arguments.max_new_tokens,
            seed=arguments.seed,
        )
        texts = [tokenizer.decode_batch(group) for group in ids]
        correct = evaluation.grade(tasks, texts, arguments.workers)
        results[path.stem] = evaluation.summary(arguments.n, correct)
        print(path.stem, results[path.stem], f"{time.monotonic() - begin:.0f} s", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _show(arguments: argparse.Namespace) -> None:
    only = frozenset([arguments.family]) if arguments.family else None
    for problem in itertools.islice(ProblemStream(arguments.seed, only=only), arguments.count):
        print(f"[{problem.family}] {problem.statement}")
        print(problem.completion("python"))


def main() -> None:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks_data.tiny_model.train")
    commands = parser.add_subparsers(required=True)

    hashes = commands.add_parser("hashes", help="hash the published problems' runs of 13 words")
    hashes.add_argument("--data", type=Path, required=True)
    hashes.add_argument("--more", type=Path, nargs="*", default=[])
    hashes.add_argument("--out", type=Path, required=True)
    hashes.set_defaults(run=_hashes)

    check = commands.add_parser("check", help="no training statement shares 13 words in a row")
    check.add_argument("--data", type=Path, required=True)
    check.add_argument("--more", type=Path, nargs="*", default=[])
    check.add_argument("--count", type=int, default=200_000)
    check.set_defaults(run=_check)

    tokenizer = commands.add_parser("tokenizer", help="train the tokenizer on generated texts")
    tokenizer.add_argument("--texts", type=int, default=60000)
    tokenizer.set_defaults(run=_tokenizer)

    train = commands.add_parser("train", help="train the weights")
    train.add_argument("--published", type=Path, required=True, help="the file of `hashes`")
    train.add_argument("--data", type=Path, help="write --published first, as `hashes` does")
    train.add_argument("--more", type=Path, nargs="*", default=[], help="with --data")
    train.add_argument("--texts", type=int, default=0, help="train the tokenizer first, on so many")
    train.add_argument("--steps", type=int, default=9000)
    train.add_argument("--tokens", type=int, default=65536)
    train.add_argument("--learning-rate", type=float, default=3e-3)
    train.add_argument("--workers", type=int, default=14)
    train.add_argument("--max-seconds", type=float, default=1e9)
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="aggregate pass@k on problem files")
    evaluate.add_argument("--problems", type=Path, nargs="+", required=True)
    evaluate.add_argument("--n", type=int, default=100)
    evaluate.add_argument("--temperature", type=float, default=0.8)
    evaluate.add_argument("--top-p", type=float, default=0.95)
    evaluate.add_argument("--max-new-tokens", type=int, default=224)
    evaluate.add_argument("--limit", type=int)
    evaluate.add_argument("--workers", type=int, default=14)
    evaluate.add_argument("--out", type=Path)
    evaluate.set_defaults(run=_evaluate)

    show = commands.add_parser("show", help="print generated problems")
    show.add_argument("--family")
    show.add_argument("--count", type=int, default=5)
    show.set_defaults(run=_show)

    for command in (tokenizer, train, evaluate):
        command.add_argument("--directory", type=Path, default=MODEL_DIRECTORY)
    for command in (train, evaluate, show, check):
        command.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
