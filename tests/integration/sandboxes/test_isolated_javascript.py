"""What crosses between a JavaScript program and its judge arrives as what it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

Make = Callable[..., Job]

VALUES = r"""
undefined
null
true
0
-0
1e308
5e-324
NaN
-Infinity
2n**64n
-5n
""
"\\0\\n\\ud800"
"\\u{1f600}"
"x".repeat(100000)
[]
[1,[undefined,null]]
[,1,,]
Object.assign([1],{index:0,"01":2})
"ab".match(/(?<x>b)/)
{}
{b:1,a:{2:3}}
Object.create(null)
JSON.parse('{"__proto__":5}')
new Date(1e12)
/a\/b/gi
new Map([[1,new Map()],[{},"x"]])
new Set([NaN,"1",1])
new Error("x")
new TypeError("y")
new Number(5)
new String("x")
new Float64Array([1.5,-0])
new Uint8Array(3)
new BigInt64Array([5n])
Buffer.from("ab")
"""


def _passes(executor: DockerExecutor, job: Job) -> None:
    for evidence in ("completed", "isolated"):
        found = executor.execute(dataclasses.replace(job, evidence=evidence))
        assert (found.verdict, found.evidence) == ("passed", evidence), (
            found.detail + found.stderr[-1500:]
        )


def test_values_arrive_as_they_were(executor: DockerExecutor, job: Make) -> None:
    lines = "".join(
        f"assert.deepStrictEqual(add({value}), {value});\n" for value in VALUES.strip().splitlines()
    )
    test = f'const assert = require("assert");\n{lines}'
    _passes(executor, job("function add(x) { return x; }\n", test, language="javascript"))


def test_arguments_change_in_place_and_stay_shared(executor: DockerExecutor, job: Make) -> None:
    text = """
const add = (a, b, c) => {
  if (a[0] !== b || c.a !== a || c.c !== c) throw new Error("not shared");
  b.push(a); a.reverse(); delete c.c; c.new = {1: b};
  c.set.add(3); c.map.set("k", b); c.date.setTime(5); c.typed[0] = 7; c.hole.length = 1;
  return [c.new, b, a];
};
"""
    test = """
const assert = require("assert");
const b = [], a = [b, 5];
const c = {a, set: new Set([1]), map: new Map(), date: new Date(0), typed: new Int8Array(2)};
c.hole = [1, , 3];
c.c = c;
const kept = {...c};
const [first, second, third] = add(a, b, c);
assert(a[0] === 5 && a[1] === b && b[0] === a && second === b && third === a);
assert(first === c.new && first[1] === b && !("c" in c));
for (const key of ["set", "map", "date", "typed", "hole"]) assert(c[key] === kept[key]);
assert(c.set.has(3) && c.map.get("k") === b && +c.date === 5 && c.typed[0] === 7);
assert.deepStrictEqual(c.hole, [1]);
"""
    _passes(executor, job(text, test, language="javascript"))


def test_what_is_thrown_arrives(executor: DockerExecutor, job: Make) -> None:
    text = """
class Own extends TypeError { get name() { return "Own"; } }
function add(kind) {
  if (kind === 0) throw new RangeError("bad");
  if (kind === 1) throw new Own("mine");
  if (kind === 2) throw {code: 5};
  return null.x;
}
"""
    test = """
const assert = require("assert");
const caught = (k) => { try { add(k); } catch (e) { return e; } };
assert(caught(0) instanceof RangeError && caught(0).message === "bad");
assert(caught(1).name === "Own" && caught(1).message === "mine");
assert.deepStrictEqual(caught(2), {code: 5});
assert(caught(3) instanceof TypeError);
"""
    _passes(executor, job(text, test, language="javascript"))


def test_a_function_for_an_argument_falls_back(executor: DockerExecutor, job: Make) -> None:
    text = "function add(f, x) { return f(x); }\n"
    test = "if (add((x) => x + 1, 4) !== 5) throw 'wrong';\n"
    asked = dataclasses.replace(job(text, test, language="javascript"), evidence="isolated")
    found = executor.execute(asked)
    assert (found.verdict, found.evidence) == ("passed", "completed")


def test_a_test_may_use_the_prompts_helpers(executor: DockerExecutor, job: Make) -> None:
    prompt = "const half = (x) => x / 2;\n/** Adds. */\nconst add = function (a, b) {\n"
    test = "if (half(add(2, 3)) !== 2.5 || add.name !== 'add') throw 'wrong';\n"
    _passes(executor, job("return a + b; };\n", test, prompt=prompt, language="javascript"))
