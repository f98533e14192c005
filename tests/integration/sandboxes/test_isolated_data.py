"""What crosses between a Python program and its judge arrives as what it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

Make = Callable[..., Job]

VALUES = r"""
None
True
0
-1
2**62
-2**63
2**64
10**5000
0.1
-0.0
1e308
5e-324
float("inf")
float("-inf")
1+2j
complex(-0.0,float("inf"))
""
"\0\n\"\\"
"\ud800x"
"\U0001f600"
"x"*100000
b""
bytes(range(256))
bytearray(b"ab")
[]
[1,[2,[3]]]
()
(1,)
((),[()])
{}
{1:2,"1":[3]}
{None:1,(1,2):2,frozenset([3]):3,1.5:4}
set()
{1,2}
{"b","a"}
frozenset()
frozenset([(1,)])
range(0)
range(5,-10**30,-3)
...
NotImplemented
int
list
type(None)
OrderedDict([(2,1),(1,2)])
Counter("aab")
defaultdict(list,{1:[2]})
defaultdict(None)
deque([1,2],5)
deque()
Decimal("1.50")
Decimal("-0")
Decimal("sNaN")
Fraction(-3,7)
date(2024,2,29)
time(1,2,3,4)
datetime(2024,2,29,1,2,3,4,fold=1)
datetime(2024,1,1,tzinfo=timezone(timedelta(hours=5,minutes=30)))
timedelta(-1,5,7)
np.int64(5)
np.float32(0.1)
np.float64("nan")
np.bool_(True)
np.complex64(1j)
np.str_("x")
np.arange(6).reshape(2,3)
np.zeros((0,2),"i2")
{1:2}.keys()
{1:2}.values()
{1:2}.items()
"""

IMPORTS = """
import numpy as np
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
import sys
sys.set_int_max_str_digits(0)
"""


def _passes(executor: DockerExecutor, job: Job) -> None:
    for evidence in ("completed", "isolated"):
        found = executor.execute(dataclasses.replace(job, evidence=evidence))
        assert (found.verdict, found.evidence) == ("passed", evidence), (
            found.detail + found.stderr[-1500:]
        )


@pytest.mark.parametrize("pool", ["executor", "plain_executor"])
def test_values_arrive_as_they_were(pool: str, request: pytest.FixtureRequest, job: Make) -> None:
    lines = "".join(
        f"    x = {value}\n    y = candidate({value})\n"
        f"    assert type(x) is type(y) and repr(x) == repr(y), (x, y)\n"
        for value in VALUES.strip().splitlines()
    )
    test = f"{IMPORTS}\ndef check(candidate):\n{lines}"
    _passes(request.getfixturevalue(pool), job("def add(x):\n    return x\n", test))


def test_arguments_change_in_place_and_stay_shared(executor: DockerExecutor, job: Make) -> None:
    text = """
def add(a, b, *, c):
    assert a[0] is b and c["a"] is a and c["c"] is c
    b.append(a)
    a.reverse()
    c.pop("c"); c["new"] = {1: b}
    c["set"].add(3); c["bytes"] += b"x"; c["queue"].rotate(1); c["count"].update("xx")
    c["default"]["k"].append(1)
    return c["new"], b, (a, a)
"""
    test = """
from collections import Counter, defaultdict, deque
def check(candidate):
    b = []
    a = [b, 5]
    c = {"a": a, "set": {1, 2}, "bytes": bytearray(b"a"), "queue": deque([1, 2, 3]),
         "count": Counter("x"), "default": defaultdict(list)}
    c["c"] = c
    kept = dict(c)
    new, second, (one, two) = candidate(a, b, c=c)
    assert a[0] == 5 and a[1] is b and b[0] is a
    assert second is b and one is a and two is a and new[1] is b and c["new"] is new
    assert "c" not in c and all(c[k] is kept[k] for k in ("set", "bytes", "queue", "count"))
    assert c["set"] == {1, 2, 3} and c["bytes"] == b"ax" and list(c["queue"]) == [3, 1, 2]
    assert c["count"] == {"x": 3} and c["default"] == {"k": [1]} and c["default"]["z"] == []
"""
    _passes(executor, job(text, test))


def test_exceptions_are_raised_by_name(executor: DockerExecutor, job: Make) -> None:
    text = """
class Own(KeyError):
    pass
def add(kind):
    if kind == 0: raise ValueError("bad", 7)
    if kind == 1: raise Own("k")
    if kind == 2: return 1 / 0
    if kind == 3: return "x".encode("ascii").decode("utf-8", "no such handler") + b""
    raise StopIteration(4)
"""
    test = """
def caught(f, *a):
    try: f(*a)
    except Exception as error: return error
def check(candidate):
    assert type(caught(candidate, 0)) is ValueError and caught(candidate, 0).args == ("bad", 7)
    own = caught(candidate, 1)
    assert isinstance(own, KeyError) and type(own).__name__ == "Own" and str(own) == "'k'"
    assert isinstance(caught(candidate, 2), ZeroDivisionError)
    assert str(caught(candidate, 2)) == "division by zero"
    assert isinstance(caught(candidate, 3), TypeError)
    assert caught(candidate, 4).value == 4
"""
    _passes(executor, job(text, test))


def test_iterators_and_subclasses_arrive_by_their_contents(
    executor: DockerExecutor, job: Make
) -> None:
    text = """
from collections import namedtuple
import enum
def add(kind):
    if kind == 0: return (x * x for x in range(3))
    if kind == 1: return namedtuple("P", "x y")(1, 2)
    if kind == 2: return enum.IntEnum("E", "A B").B
    return map(str, [1, 2])
"""
    test = """
def check(candidate):
    assert list(candidate(0)) == [0, 1, 4] and candidate(1) == (1, 2) and candidate(2) == 2
    assert next(candidate(3)) == "1" and candidate(candidate(0).__next__()) is not None
"""
    _passes(executor, job(text, test))


def test_a_test_may_use_the_prompts_helpers(executor: DockerExecutor, job: Make) -> None:
    prompt = "import math\ndef half(x):\n    return x / 2\n"
    prompt += '\ndef add(a, b):\n    """Adds."""\n'
    test = """
def check(candidate):
    assert half(candidate(2, 3)) == 2.5 and math.floor(2.5) == 2
    assert candidate.__name__ == "add" and candidate.__doc__ == "Adds."
"""
    _passes(executor, job("    return a + b\n", test, prompt=prompt))
