"""What is sampled in the bench of the sample stage: problems by their lengths in tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.bench.words import text

# Characters of HumanEval's 164 Python prompts: least, deciles, most.
HUMANEVAL_CHARACTERS = (115, 217, 262, 316, 361, 396, 448, 490, 608, 775, 1360)
CHARACTERS_A_TOKEN = 3.4  # of such prompts with the tokenizers of code models, about


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    prompts: tuple[int, ...]  # tokens of each
    samples: int  # of each

    def write(self, path: Path, vocab_size: int) -> None:
        """A file of problems for the benchmark `jsonl`."""
        rows = [
            {
                "task_id": f"bench/{i}", "language": "python", "entry_point": "f",
                "prompt": text(tokens, vocab_size, i), "test": "pass\n",
            }
            for i, tokens in enumerate(self.prompts)
        ]  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def one_prompt(tokens: int = 512, samples: int = 64) -> Workload:
    return Workload(f"{tokens} tokens x {samples} samples", (tokens,), samples)


def humaneval(samples: int = 200, problems: int = 164) -> Workload:
    """Prompts as long as HumanEval's, in an order drawn by a seed."""
    places = np.linspace(0, len(HUMANEVAL_CHARACTERS) - 1, problems)
    characters = np.interp(places, range(len(HUMANEVAL_CHARACTERS)), HUMANEVAL_CHARACTERS)
    tokens = np.rint(characters / CHARACTERS_A_TOKEN).astype(int)
    shuffled = np.random.default_rng(0).permutation(tokens)
    return Workload(f"{problems} prompts x {samples} samples", tuple(shuffled.tolist()), samples)
