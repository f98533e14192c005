"""What crosses between a program and its judge in Ruby and PHP arrives as what it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

Make = Callable[..., Job]

RUBY = r"""
nil
true
0
-5
2**70
0.1
-0.0
1e308
Float::INFINITY
""
"a\\0b\u00e9"
"\xff".b
"\xe9".dup.force_encoding("ISO-8859-1")
:sym
:"odd symbol"
[]
[1,[2,["x"]]]
{}
{1=>2,"a"=>[3],nil=>:b,[1]=>{2=>3}}
(1..5)
(1...)
("a".."c")
(0.5..1)
Rational(-3,7)
Complex(1,-2.5)
Set[1,[2]]
"""

PHP = r"""
null
true
0
-5
PHP_INT_MAX
0.1
-0.0
1.0
1e308
INF
""
"a\0b\u{e9}"
"\xff\xfe"
[]
[1,[2,["x"]]]
[3=>1,1=>2]
["b"=>1,"a"=>[1.0,"1"]]
["08"=>1,8=>2]
(object)[]
(object)["a"=>(object)["b"=>[1]]]
"""

VALUES = {
    "ruby": (
        "def add(x)\n  x\nend\n",
        RUBY,
        "x = {0}\ny = add({0})\n"
        "raise StandardError, x.inspect if x.class != y.class || x.inspect != y.inspect\n",
    ),
    "php": (
        "<?php\nfunction add($x) { return $x; }\n",
        PHP,
        "$x = {0}; $y = add({0});\n"
        "if (var_export($x, true) !== var_export($y, true)) {{ throw new Exception('{1}'); }}\n",
    ),
}


def _passes(executor: DockerExecutor, job: Job) -> None:
    for evidence in ("completed", "isolated"):
        found = executor.execute(dataclasses.replace(job, evidence=evidence))
        assert (found.verdict, found.evidence) == ("passed", evidence), (
            found.detail + found.stderr[-1500:]
        )


@pytest.mark.parametrize("language", list(VALUES))
def test_values_arrive_as_they_were(language: str, executor: DockerExecutor, job: Make) -> None:
    text, values, line = VALUES[language]
    test = "".join(
        line.format(value, number) for number, value in enumerate(values.strip().splitlines())
    )
    _passes(executor, job(text, "\n" + test, language=language))


CHANGES = {
    "ruby": (
        """
def add(a, b, c)
  raise "not shared" unless a[0].equal?(b) && c[:a].equal?(a) && c["c"].equal?(c)
  b.push(a); a.reverse!; c.delete("c"); c[:new] = [b]; c[:text].upcase!; c[:set] << 3
  [c[:new], b, a]
end
""",
        """
b = []
a = [b, 5]
c = {a: a, text: +"x", set: Set[1]}
c["c"] = c
text, set = c[:text], c[:set]
first, second, third = add(a, b, c)
ok = a[0] == 5 && a[1].equal?(b) && b[0].equal?(a) && second.equal?(b) && third.equal?(a)
ok &&= first.equal?(c[:new]) && !c.key?("c") && text == "X" && set == Set[1, 3]
raise StandardError, "wrong" unless ok
""",
    ),
    "php": (
        """<?php
function add(array &$list, $copy, $object) {
    $list[] = 4; $copy[] = 5; $object->x->y = [1]; $object->self = $object;
    return $object->x;
}
""",
        """
$list = [1]; $copy = [1]; $object = (object) ['x' => (object) ['y' => 0]];
$x = $object->x;
$found = add($list, $copy, $object);
if ($copy !== [1] || $found !== $x || $x->y !== [1] || $object->self !== $object) {
    throw new Exception('wrong');
}
""",
    ),
}


@pytest.mark.parametrize("language", list(CHANGES))
def test_arguments_change_in_place(language: str, executor: DockerExecutor, job: Make) -> None:
    text, test = CHANGES[language]
    _passes(executor, job(text, test, language=language))


def test_references_are_those_of_the_prompt(executor: DockerExecutor, job: Make) -> None:
    prompt = "<?php\nfunction half($x) { return $x / 2; }\nfunction add(&$list, $x = 2) {\n"
    test = """
$list = [1];
if (half(add($list, 5)) != 3 || $list !== [1, 5] || add($list) != 3 || $list !== [1, 5, 2]) {
    throw new Exception('wrong');
}
"""
    completion = "    $list[] = $x;\n    return $x == 2 ? 3 : $x + 1;\n}\n"
    _passes(executor, job(completion, test, prompt=prompt, language="php"))


FALLBACKS = {
    "ruby": (
        "def add(f, x)\n  f.call(x)\nend\n",
        "\nraise StandardError unless add(->(x) { x + 1 }, 4) == 5\n",
    ),
    "php": (
        "<?php\nfunction add($f, $x) { return $f($x); }\n",
        "\nif (add(fn ($x) => $x + 1, 4) != 5) { throw new Exception('wrong'); }\n",
    ),
}


@pytest.mark.parametrize("language", list(FALLBACKS))
def test_a_function_for_an_argument_falls_back(
    language: str, executor: DockerExecutor, job: Make
) -> None:
    text, test = FALLBACKS[language]
    asked = dataclasses.replace(job(text, test, language=language), evidence="isolated")
    found = executor.execute(asked)
    assert (found.verdict, found.evidence) == ("passed", "completed"), found.detail
