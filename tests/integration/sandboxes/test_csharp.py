"""C#: what our CompareLogic takes for equal, how a program's end is reported, a warm compiler."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

USING = """using System;
using System.Collections.Generic;
using KellermanSoftware.CompareNetObjects;
public class Point {
    public int X; public int Y { get; set; }
    int identity = next++; static int next; // private: not compared
}
public class Node { public Node Next; public int Value; }
public class P {
    static Node Cycle(int value) {
        var node = new Node { Value = value }; node.Next = node; return node;
    }
"""
EQUAL = """
null, null
1, 1
"a", "a"
1.5, 1.5
double.NaN, double.NaN
'c', 'c'
true, true
DayOfWeek.Friday, DayOfWeek.Friday
new List<int> {1, 2}, new List<int> {1, 2}
new int[] {1, 2}, new int[] {1, 2}
new int[,] {{1, 2}}, new int[,] {{1, 2}}
new List<object> {1, "a", null}, new List<object> {1, "a", null}
new List<List<int>> {new List<int> {}}, new List<List<int>> {new List<int> {}}
new Dictionary<string, int> {{"a", 1}, {"b", 2}}, new Dictionary<string, int> {{"b", 2}, {"a", 1}}
new HashSet<int> {1, 2}, new HashSet<int> {1, 2}
Tuple.Create(1, "a"), Tuple.Create(1, "a")
(1, "a"), (1, "a")
new Point { X = 1, Y = 2 }, new Point { X = 1, Y = 2 }
Cycle(1), Cycle(1)
"""
DIFFERENT = """
null, 0
"", null
1, 2
1, 1.0
1, 1L
1.5, 1.5000001
double.NaN, 1.0
"a", "A"
'a', "a"
new List<int> {1, 2}, new List<int> {2, 1}
new List<int> {1, 2}, new List<int> {1}
new List<int> {1}, new int[] {1}
new List<int> {1}, new List<object> {1}
new List<object> {1}, new List<object> {1.0}
new int[,] {{1, 2}}, new int[,] {{1}, {2}}
new List<List<int>> {new List<int> {1}}, new List<List<int>> {new List<int> {2}}
new Dictionary<string, int> {{"a", 1}}, new Dictionary<string, int> {{"a", 2}}
new Dictionary<string, int> {{"a", 1}}, new Dictionary<string, int> {{"b", 1}}
new Dictionary<string, int> {{"a", 1}}, new Dictionary<string, int> {{"a", 1}, {"b", 1}}
new Dictionary<int[], int> {{new[] {1}, 1}}, new Dictionary<int[], int> {{new[] {1}, 1}}
new HashSet<int> {1, 2}, new HashSet<int> {2, 1}
Tuple.Create(1, "a"), Tuple.Create(1, "b")
(1, 2), (2, 1)
new Point { X = 1, Y = 2 }, new Point { X = 1, Y = 3 }
new Point { X = 1, Y = 2 }, new Point { X = 2, Y = 2 }
Cycle(1), Cycle(2)
"""

MakeJob = Callable[..., Job]


def _comparisons() -> str:
    lines = [
        f"if (new CompareLogic().Compare({pair}).AreEqual != {wanted})"
        f' throw new Exception("{wanted}, line {i}");'
        for wanted, pairs in (("true", EQUAL), ("false", DIFFERENT))
        for i, pair in enumerate(pairs.strip().splitlines(), 1)
    ]
    return "public static void Main() {\n" + "\n".join(lines) + "\n} }"


def test_what_is_equal(executor: DockerExecutor, job: MakeJob) -> None:
    done = executor.execute(job(USING, _comparisons(), language="csharp"))
    assert (done.verdict, done.detail) == ("passed", "completed")


def test_options_and_differences(executor: DockerExecutor, job: MakeJob) -> None:
    main = """
    static void Expect(bool fine, string what) { if (!fine) throw new Exception(what); }
    public static void Main() {
        var logic = new CompareLogic();
        logic.Config.IgnoreCollectionOrder = true;
        Expect(logic.Compare(new List<int> {1, 2, 2}, new List<int> {2, 1, 2}).AreEqual, "order");
        Expect(!logic.Compare(new List<int> {1, 2, 2}, new List<int> {2, 1, 1}).AreEqual, "counts");
        logic.Config = new ComparisonConfig { IgnoreObjectTypes = true, DoublePrecision = 0.1 };
        Expect(logic.Compare(new List<double> {1, 2}, new double[] {1, 2.05}).AreEqual, "types");
        logic.Config.CaseSensitive = false;
        Expect(logic.Compare("a", "A").AreEqual, "case");
        logic.Config = new ComparisonConfig { MaxDifferences = 5 };
        var result = logic.Compare(new List<int> {1, 2, 3}, new List<int> {1, 3, 4});
        Expect(result.Differences.Count == 2, "differences");
        Expect(result.DifferencesString.Contains("[1]"), "first place");
        Expect(result.DifferencesString.Contains("[2]"), "second place");
    } }"""
    done = executor.execute(job(USING, main, language="csharp"))
    assert (done.verdict, done.detail) == ("passed", "completed")


@pytest.mark.parametrize(
    ("body", "verdict", "detail"),
    [
        ("public static int Main() { return 0; }", "passed", "completed"),
        ("public static int Main() { return 3; }", "runtime_error", "exit status 3"),
        (
            "public static void Main() { Environment.ExitCode = 3; }",
            "runtime_error",
            "exit status 3",
        ),
        ("static P() { Environment.Exit(0); } public static void Main() {}", "incomplete", "exit"),
        ("public static void Main() {\nthrow null; }", "runtime_error", "line 14: System.NullRef"),
        (
            "static P() { throw new Exception(); } public static void Main() {}",
            "runtime_error",
            "TypeInitializationException",
        ),
        (
            "class Bad : Exception { public override string Message { get { throw this; } } }"
            " public static void Main() { throw new Bad(); }",
            "runtime_error",
            "line 13: P+Bad:",
        ),
        ("", "compile_error", ""),
    ],
)
def test_how_programs_end(
    executor: DockerExecutor,
    plain_executor: DockerExecutor,
    job: MakeJob,
    body: str,
    verdict: str,
    detail: str,
) -> None:
    for pool in (executor, plain_executor):
        done = pool.execute(job(USING, body + "}", language="csharp"))
        assert done.verdict == verdict
        assert detail in done.detail


def test_a_compilation_leaves_nothing_for_the_next(executor: DockerExecutor, job: MakeJob) -> None:
    """mcs keeps static state, and a stack that overflowed is the hardest thing to leave behind."""
    deep = f"public static int Main() {{ return {'+'.join(['1'] * 20000)}.GetHashCode() * 0; }} }}"
    other = "public class Other {} public static void Main() {} }"
    uses = "public static void Main() { new Other(); } }"
    fine = "public static void Main() {} }"
    for main, verdict in [(deep, "compile_error"), (other, "passed"), (uses, "compile_error")] * 2:
        assert executor.execute(job(USING, main, language="csharp")).verdict == verdict
    assert executor.execute(job(USING, fine, language="csharp")).verdict == "passed"
