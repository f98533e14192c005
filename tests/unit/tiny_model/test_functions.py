"""Generated functions: the examples in the prompt are what the Python body returns."""

import ast
import itertools

from benchmarks_data.tiny_model.train import fixed_functions
from benchmarks_data.tiny_model.train.functions import FunctionStream


def test_prompts_hold_their_examples_and_bodies_parse() -> None:
    seen = set()
    for task in itertools.islice(FunctionStream("test"), 3000):
        seen.add(task.family)
        assert task.statement in task.prompt
        text = task.prompt + task.completion
        if task.language == "python":
            module = ast.parse(text)
            assert isinstance(module.body[0], ast.FunctionDef)
            assert ">>> " in (ast.get_docstring(module.body[0]) or "")
        else:
            assert text.count("{") == text.count("}")
            assert "> " in task.prompt
    assert {family.family for family in fixed_functions.load()} <= seen


def test_parameters_are_used_by_every_body() -> None:
    for family in fixed_functions.load():
        for language, rows in family.bodies.items():
            text = "\n".join(rows)
            for i in range(len(family.parameters)):
                assert f"@{i}" in text, (family.family, language)
