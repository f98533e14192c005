"""The two controls: random expressions, and shuffled words."""

import json
from pathlib import Path

import pytest

from benchmarks_data.tiny_model import controls, random_programs
from benchmarks_data.tiny_model.train import interpreter, programs
from benchmarks_data.tiny_model.train.problems import PROMPTS

TEXT = "a boat goes 12 km in 3 hours , how fast is it ?"


def record(
    language: str, task: str = "T/0", numbers: str = " n0 = 12.0 n1 = 3.0"
) -> dict[str, str]:
    prompt = PROMPTS[language].format(TEXT + numbers)
    return {
        "task_id": task,
        "language": language,
        "prompt": prompt,
        "description": TEXT,
        "test": "",
    }


def write(path: Path, records: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


@pytest.mark.parametrize("language", programs.LANGUAGES)
def test_random_completions_are_valid_and_seeded(tmp_path: Path, language: str) -> None:
    problems = write(tmp_path / "p.jsonl", [record(language, "T/0"), record(language, "T/1")])
    outputs = []
    for seed in (1, 1, 2):
        out = tmp_path / "out.jsonl"
        controls.main(f"random --problems {problems} --n 40 --seed {seed} --out {out}".split(" "))
        outputs.append(out.read_text())
    assert outputs[0] == outputs[1] != outputs[2]
    rows = [json.loads(line) for line in outputs[0].splitlines()]
    assert [(r["task_id"], r["sample_index"]) for r in rows] == [
        (f"T/{t}", i) for t in range(2) for i in range(40)
    ]
    assert len({r["completion"] for r in rows}) > 30
    for row in rows:
        assert row["language"] == language
        interpreter.run(row["completion"], language)  # every one has a finite value


def test_a_sample_does_not_depend_on_how_many_are_drawn() -> None:
    few = list(controls.random_completions(iter([record("python")]), 3, 0))
    many = list(controls.random_completions(iter([record("python")]), 9, 0))
    assert few == many[:3]


def test_a_prompt_without_numbers_gets_constants() -> None:
    found = list(controls.random_completions(iter([record("java", numbers="")]), 20, 0))
    for row in found:
        assert "n0" not in row["completion"]
        interpreter.run(row["completion"], "java")


def test_random_programs_have_the_fitted_shares() -> None:
    """Refitting on what the sampler draws gives the operations it was fitted to, roughly."""
    counts = json.loads(random_programs.FIT_PATH.read_text())
    fitted = random_programs.fit(3000, 5)
    for table in ("first", "middle", "last"):
        total = sum(counts["operations"][table].values())
        again = sum(fitted["operations"][table].values())
        for name, count in counts["operations"][table].items():
            share = fitted["operations"][table].get(name, 0) / again
            assert abs(share - count / total) < 0.03, (table, name)


@pytest.mark.parametrize("language", programs.LANGUAGES)
def test_shuffling_keeps_numbers_and_words(language: str) -> None:
    problem = record(language)
    [shuffled] = controls.shuffled(iter([problem]), 3)
    before, after = TEXT.split(" "), shuffled["description"].split(" ")
    assert sorted(before) == sorted(after)
    assert before != after
    assert [(i, w) for i, w in enumerate(before) if w.isdigit()] == [
        (i, w) for i, w in enumerate(after) if w.isdigit()
    ]
    assert shuffled["prompt"] == problem["prompt"].replace(TEXT, shuffled["description"])
    assert " n0 = 12.0 n1 = 3.0" in shuffled["prompt"]
    assert {k: v for k, v in shuffled.items() if k not in ("prompt", "description")} == {
        k: v for k, v in problem.items() if k not in ("prompt", "description")
    }


def test_the_shuffle_of_a_problem_is_one_in_all_languages() -> None:
    texts = {
        next(controls.shuffled(iter([record(language)]), 3))["description"]
        for language in programs.LANGUAGES
    }
    assert len(texts) == 1
    assert texts != {next(controls.shuffled(iter([record("python")]), 4))["description"]}


def test_a_prompt_that_lacks_its_description_is_refused() -> None:
    with pytest.raises(ValueError, match="T/0"):
        list(controls.shuffled(iter([{**record("python"), "description": "other"}]), 0))


def test_a_subset_is_the_same_for_every_language(tmp_path: Path) -> None:
    chosen = []
    for language in ("java", "javascript"):
        problems = [record(language, f"T/{i}") for i in range(50)]
        found = list(controls.subset(iter(problems), 12, 0))
        chosen.append([r["task_id"] for r in found])
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 12
    assert chosen[0] == sorted(chosen[0], key=lambda t: int(t[2:]))
    with pytest.raises(ValueError, match="60 problems"):
        list(controls.subset(iter(problems), 60, 0))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"task_id": 1}\n{broken\n')
    with pytest.raises(ValueError, match=r"p\.jsonl:2"):
        list(controls.read_problems(path))
