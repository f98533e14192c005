"""TypeScript: what is emitted without the library, the literal rule, a tsc that fails, a judge."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.records import Job, Limits
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]

IMPORT = "\nimport * as assert from 'assert'\n"
EMITTED = """
const enum Colour { Red = 1, Green = Red << 1, Both = Red | Green }
declare const enum Outside { Ten = 10 }
namespace Shapes { export namespace Inner { export const sides = 3; } export interface Shape {} }
namespace Types { export interface Only {} }
enum Up { A, B = 5, C }
function twice(target: any, name: string, place: any) {
    const real = place.value;
    place.value = function (...rest: number[]) { return 2 * real.apply(this, rest); };
}
class Base { constructor(public value: number) {} get plus() { return this.value + 1; } }
class Derived extends Base { @twice sum(...rest: number[]) { return this.plus + rest.length; } }
function* counted() { yield* [1, 2]; }
const spread = [...[1, 2], ...[3]], { a, ...others } = { a: 1, b: 2 };
let duplicate = 1; var same = 2; var same = "3";
const answer = <T>(x: T): T => x as any as T;
"""
CHECKS = [
    ("Colour.Both", "3"),
    ("Outside.Ten", "10"),
    ("Shapes.Inner.sides", "3"),
    ("typeof Colour, typeof Types", "'undefined'"),
    ("Up[5] + Up.C", "'B6'"),
    ("new Derived(4).sum(1, 2)", "14"),
    ("spread.concat(others.b)", "[1, 2, 3, 2]"),
    ("answer(same + duplicate)", "'31'"),
    ("`${others.missing?.a ?? 7}`", "'7'"),
]
ENDINGS = [
    ("", "let a = [1, 2;\nassert.ok(a);", "passed"),  # tsc mends the syntax
    ("", "let a = 1 +;\nassert.ok(a);", "compile_error"),  # and this is what node refuses
    ("let x = 1;\nlet x = 2;\n", "assert.equal(x, 2);", "passed"),  # as `var`
    # The line is the source's, not that of what was emitted, where this interface takes none.
    ("interface A {\n" + "  a: number;\n" * 9 + "}\n", "assert.equal(1, 2);", "wrong_answer"),
    ("let a: number = 1;\nthrow new Error(`${a}`);\n", "assert.ok(1);", "runtime_error"),
    ("return;\n", "assert.equal(1, 2);", "incomplete"),
    # tsc puts the test inside of what is open: after the point, `import` is a name.
    ("const f = () => {\nMath.", "assert.equal(1, 2);", "incomplete"),
]


def test_emitted_without_the_library_as_with_it(
    executor: DockerExecutor, plain_executor: DockerExecutor, job: MakeJob
) -> None:
    checks = "\n".join(f"assert.deepEqual([{found}].pop(), {value});" for found, value in CHECKS)
    # A name that only types use, of a module that is not there: the import is left out.
    imports = "import { Nothing } from 'nowhere'\nlet none: Nothing;\n"
    program = job(imports + EMITTED, IMPORT + checks, language="typescript")
    for pool in (executor, plain_executor):
        done = pool.execute(program)
        assert (done.verdict, done.detail) == ("passed", "completed")


@pytest.mark.parametrize(("completion", "test", "verdict"), ENDINGS)
def test_how_programs_end(
    executor: DockerExecutor,
    plain_executor: DockerExecutor,
    job: MakeJob,
    completion: str,
    test: str,
    verdict: str,
) -> None:
    program = job(completion, IMPORT + test, language="typescript")
    warm, plain = executor.execute(program), plain_executor.execute(program)
    assert warm.verdict == verdict, warm.detail
    assert (plain.verdict, plain.detail) == (warm.verdict, warm.detail)


def test_the_literal_rule_wants_errors_in_the_types(
    docker_client: Any, executor: DockerExecutor, small_limits: Limits, job: MakeJob
) -> None:
    sound = job("let a: number = 1;", "", language="typescript")
    unsound = job("let a: number = '1';", "", language="typescript")
    assert [executor.execute(one).verdict for one in (sound, unsound)] == ["passed", "passed"]
    with DockerExecutor(small_limits, 1, rules={"typescript": "reference"}) as literal:
        assert literal.execute(sound).verdict == "compile_error"
        assert literal.execute(unsound).verdict == "passed"


def test_a_program_that_is_too_much_for_the_compiler(
    executor: DockerExecutor, job: MakeJob
) -> None:
    """Its heap's end and its stack's are the program's own, and the next one is compiled."""
    fine = job("", IMPORT + "assert.ok(1);", language="typescript")
    for text in ("x;" * 1_500_000, "(" * 50_000 + "1" + ")" * 50_000):
        done = executor.execute(job(text, "", language="typescript"))
        assert done.verdict == "compile_error"
        assert "compiler failed" in done.detail
        assert executor.execute(fine).verdict == "passed"


PROMPT = """interface Pair { sum: number; seen: Map<string, number> }
enum Step { One = 1, Two }
const half = (x: number) => x / 2;
/** Adds. */
const add = function (a: number, b: { of: number; seen: Map<string, number> }): Pair {
"""
BODY = "  b.seen.set('a', a);\n  return { sum: a + b.of, seen: b.seen };\n};\n"
JUDGED = """
let given = { of: 2, seen: new Map<string, number>() };
let found: Pair = add(Step.Two, given);
assert.equal(half(found.sum), %d);
assert.ok(found.seen === given.seen && [...[0], ...[1]].length === given.seen.get('a'));
"""


def test_a_judge_has_the_test_translated(executor: DockerExecutor, job: MakeJob) -> None:
    """With the types and helpers of the prompt; errors lie on the test's own lines."""
    for expected, verdict in ((2, "passed"), (3, "wrong_answer")):
        test = IMPORT + JUDGED % expected
        program = job(BODY, test, prompt=PROMPT, language="typescript")
        done = executor.execute(dataclasses.replace(program, evidence="isolated"))
        assert (done.verdict, done.evidence) == (verdict, "isolated"), done.detail
    line = 1 + (PROMPT + BODY + test).split("\n").index("assert.equal(half(found.sum), 3);")
    assert done.detail.startswith(f"line {line}: AssertionError: ")


def test_a_prompt_that_is_no_whole_beginning_does_not_swallow_the_test(
    executor: DockerExecutor, job: MakeJob
) -> None:
    prompt = "const outer = () => {\n  const add = function (a: number, b: number) {\n"
    program = job(
        "return 0; }\n",
        "if (add(2, 3) !== 5) throw 'wrong';\n",
        prompt=prompt,
        language="typescript",
    )
    for evidence in ("completed", "isolated"):
        done = executor.execute(dataclasses.replace(program, evidence=evidence))
        assert done.verdict != "passed", done.detail
    closed = dataclasses.replace(program, completion="return 0; } };\nconst add = outer();\n")
    assert executor.execute(dataclasses.replace(closed, evidence="isolated")).verdict != "passed"


def test_a_function_for_an_argument_falls_back(executor: DockerExecutor, job: MakeJob) -> None:
    text = "const add = (f: (x: number) => number, x: number) => f(x);\n"
    test = IMPORT + "assert.equal(add((x) => x + 1, 4), 5);\n"
    program = job(text, test, language="typescript")
    done = executor.execute(dataclasses.replace(program, evidence="isolated"))
    assert (done.verdict, done.evidence) == ("passed", "completed")
