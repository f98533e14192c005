"""TypeScript: what is emitted without the library, the literal rule, a tsc that fails."""

from __future__ import annotations

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
