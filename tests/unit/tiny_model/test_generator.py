"""The problem generator: deterministic, consistent, and one meaning in three languages."""

import itertools
import math
from random import Random

import pytest

from benchmarks_data.tiny_model.train import drawing, grammar, interpreter, programs
from benchmarks_data.tiny_model.train.data import TextStream
from benchmarks_data.tiny_model.train.problems import Problem, ProblemStream

SAMPLE = 4000


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return list(itertools.islice(ProblemStream("test"), SAMPLE))


def test_one_seed_gives_one_stream() -> None:
    first = list(itertools.islice(TextStream(7), 300))
    assert first == list(itertools.islice(TextStream(7), 300))
    assert first != list(itertools.islice(TextStream(8), 300))


def test_there_are_many_families_and_every_question_of_each_can_be_drawn() -> None:
    families = grammar.load_grammar().families
    assert len(families) >= 150
    drawer = drawing.Drawer(grammar.load_grammar(), Random("questions"))
    for family in families:
        for question in family.questions:
            single = grammar.Family(family.topic, family.name, 1.0, family.draw, [question])
            for _ in range(60):
                try:
                    drawn = drawer.draw(single)
                    programs.evaluate(drawn.program)
                except (drawing.RetryError, ArithmeticError, ValueError):
                    continue
                assert not set(drawn.text) & set("{}<>[]|\x00\x01\x02"), drawn.text
                break
            else:
                pytest.fail(f"{family.name}: no draw of {question.template} has a value")


def test_the_listed_numbers_are_those_of_the_statement_in_order(problems: list[Problem]) -> None:
    for problem in problems:
        text, _, listed = problem.statement.partition(" n0 = ")
        stated = [float(m.replace(",", "")) for m in drawing.NUMBER.findall(text)]
        pairs = [part.split(" = ") for part in ("n0 = " + listed).split(" n")]
        assert [float(value) for _, value in pairs] == stated == list(problem.program.numbers)
        assert [name.lstrip("n") for name, _ in pairs] == [str(i) for i in range(len(pairs))]


def test_the_three_languages_compute_the_same(problems: list[Problem]) -> None:
    compared = 0
    for problem in problems:
        wanted = programs.evaluate(problem.program)
        for language in programs.LANGUAGES:
            try:
                completion = problem.completion(language)
            except programs.UnsupportedError:
                assert language != "python"
                continue
            value = interpreter.run(completion, language)
            assert math.isclose(value, wanted, rel_tol=1e-12, abs_tol=1e-12), problem
            compared += 1
    assert compared > 2.5 * len(problems)


def test_the_program_only_uses_what_is_known(problems: list[Problem]) -> None:
    for problem in problems:
        known = {f"n{i}" for i in range(len(problem.program.numbers))} | {"pi"}
        for i, step in enumerate(problem.program.steps):
            for operand in step.operands:
                assert operand in known or math.isfinite(float(operand))
            known.add(f"t{i}")


def test_a_broken_grammar_names_file_and_line() -> None:
    with pytest.raises(grammar.GrammarError, match=r"bad\.txt:3"):
        grammar.parse_families("== f\na = R(1, 2)\na + :: what is {a} ?", "bad.txt")
    with pytest.raises(grammar.GrammarError, match=r"bad\.txt:3"):
        grammar.parse_families("== f\na = R(1, 2)\na :: what [is {a} ?", "bad.txt")


@pytest.mark.parametrize(
    ("completion", "language"),
    [
        ("    return open('x')\n", "python"),
        ("    answer = __import__('os').system('true')\n    return answer\n", "python"),
        ("    n0 = 2.0\n    answer = n0 + n1\n    return answer\n", "python"),
        ("    n0 = 2.0\n", "python"),
        ("    answer = 9.0**9.0**9.0**9.0\n    return answer\n", "python"),
        ("    answer = 1.0 / 0.0\n    return answer\n", "python"),
        ("    answer = (1.0).__class__\n    return answer\n", "python"),
        ("        double n0 = 2.0;\n        return n0;\n", "java"),
        ("        n0 = 2.0;\n        return n0;\n    }\n}", "java"),
        ("    var n0 = 2.0;\n    return n0;\n", "javascript"),
    ],
)
def test_the_interpreter_refuses_what_is_no_arithmetic(completion: str, language: str) -> None:
    with pytest.raises(interpreter.RefusedError):
        interpreter.run(completion, language)


def test_the_interpreter_agrees_with_published_solutions(published) -> None:  # type: ignore[no-untyped-def]
    """Canonical solutions that are straight-line arithmetic give the value their test wants."""
    import json

    from benchmarks_data.tiny_model.train import evaluation

    path = published / "multilingual_mathqa" / "mathqa-test-python_v1.jsonl"
    tasks = evaluation.read_tasks(path)
    right = wrong = 0
    for task, line in zip(tasks, path.read_text(encoding="utf-8").splitlines(), strict=True):
        try:
            value = interpreter.run(json.loads(line)["canonical_solution"], "python")
        except interpreter.RefusedError:
            continue
        right, wrong = (
            (right + 1, wrong) if abs(value - task.expected) < 1e-8 else (right, wrong + 1)
        )
    assert wrong == 0
    assert right > 1700
