"""Kotlin and Scala: how a program's end is reported, what a warm compiler runs and remembers."""

# ruff: noqa: E501  # one program a line reads better than one split over three

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
APP = "object Main extends App {\n"


@pytest.mark.parametrize(
    ("language", "program", "verdict", "detail"),
    [
        ("kotlin", "fun main(args: Array<String>) { check(args.isEmpty()) }", "passed", ""),
        ("kotlin", "suspend fun main() { println(1) }", "passed", ""),
        ("kotlin", "fun main() { assert(false) }", "passed", ""),  # assertions are off
        ("kotlin", "class A\nfun main() { check(A::class.members.size > 2) }", "passed", ""),
        ("kotlin", "val x = 1", "compile_error", "NoSuchMethodException"),
        ("kotlin", "class A", "compile_error", "ClassNotFoundException: MainKt"),
        ("kotlin", "val x: Int = error(\"no\")\nfun main() {}", "runtime_error", "line 0: java.lang.Ex"),
        ("kotlin", "\nfun main() { throw Exception(\"é\\nx\") }", "wrong_answer", "line 2: java.lang.Exception: ?"),
        ("kotlin", "fun f(n: Int): Int = f(n + 1) + 1\nfun main() { f(0) }", "runtime_error", "StackOverflow"),
        ("kotlin", "val x: Int = kotlin.system.exitProcess(0)\nfun main() {}", "incomplete", ""),
        ("scala", "object Main { def main(args: Array[String]) { } }", "passed", ""),
        ("scala", APP + 'assert(f"${1.5}%.2f" == "1.50") }', "passed", ""),
        ("scala", APP + "import scala.reflect.runtime.universe._; typeOf[Int] }", "passed", ""),
        ("scala", APP + "val x = <a>{1}</a>; assert(x.text == \"1\") }", "passed", ""),
        ("scala", "class Main", "compile_error", "NoSuchMethodException"),
        ("scala", "object Other extends App", "compile_error", "ClassNotFoundException: Main"),
        ("scala", APP + "\nassert(1 == 2, \"é\\nx\") }", "wrong_answer", "line 5: java.lang.AssertionError"),
        ("scala", APP + "def f(n: Int): Int = f(n + 1) + 1; f(0) }", "runtime_error", "StackOverflow"),
        ("scala", APP + "try sys.exit(0) finally throw new Exception }", "incomplete", ""),
        ("scala", "object Main { sys.exit(0); def main(a: Array[String]) {} }", "incomplete", ""),
    ],
)  # fmt: skip
def test_how_programs_end(
    executor: DockerExecutor, job: MakeJob, language: str, program: str, verdict: str, detail: str
) -> None:
    done = executor.execute(job("", program, language=language))
    assert done.verdict == verdict, done.detail
    assert detail in done.detail


ADD = "def add(a: Int, b: Int): Int = a + b\n"
BASE = "class Base extends App { var n = args.length + 1 }\nobject Main extends Base {\n"


@pytest.mark.parametrize(
    ("completion", "test", "verdict"),
    [
        # Names that the launcher has, helpers beside the object and in it, bodies of its parents.
        ("case class Entry(x: Int)\n" + APP, "assert(Entry(5).x == 5)\n}", "passed"),
        ("object Helper { val five = 5 }\n" + APP + "class B(val x: Int)\n", "assert(new B(Helper.five).x == 5)\n}", "passed"),
        (BASE, "assert(n == 1)\n}", "passed"),
        (BASE, "assert(n == 0)\n}", "wrong_answer"),
        # An object that is no App, with a main before the test or in it; the whole program as the test.
        ("object Main {\n" + ADD + "def main(a: Array[String]) { println(5) }\n", "assert(add(2, 3) == 5)\n}", "passed"),
        ("object Main {\n" + ADD + "def main(a: Array[String]) { println(5) }\n", "assert(add(2, 3) == 6)\n}", "wrong_answer"),
        ("object Main {\n" + ADD, "def main(a: Array[String]) { assert(add(2, 3) == 5) }\n}", "passed"),
        ("object Main {\n" + ADD, "def main(a: Array[String]) { assert(add(2, 3) == 6) }\n}", "wrong_answer"),
        ("object Add {\n" + ADD + "}\n", APP + "assert(Add.add(2, 3) == 5)\n}", "passed"),
        # Assertions that became code of another class.
        (APP + ADD, "for (x <- 1 to 3) {\nassert(add(x, 1) == x + 1)\n}\n}", "passed"),
        # Lines that an editor would count in another way.
        (APP + ADD + "// \f\f \r \r\n", "\n\rassert(add(2, 3) == 6)\n}", "wrong_answer"),
    ],
)  # fmt: skip
def test_scala_runs_what_holds_the_test(
    executor: DockerExecutor, job: MakeJob, completion: str, test: str, verdict: str
) -> None:
    done = executor.execute(job(completion, test, language="scala"))
    assert done.verdict == verdict, (done.detail, done.stderr)


def test_a_scala_program_without_a_test_is_run_as_it_stands(
    executor: DockerExecutor, job: MakeJob
) -> None:
    test = '{"cases": [{"input": "2 3", "output": "5"}]}'
    text = APP + 'println(io.Source.stdin.mkString.trim.split(" ").map(_.toInt).sum)\n}\n'
    done = executor.execute(job(text, test, language="scala", kind="stdin"))
    assert done.verdict == "passed", (done.detail, done.stderr)


KOTLIN = "fun main() {"
DEEP = "+".join(["x"] * 30000)


@pytest.mark.parametrize(
    ("language", "programs"),
    [
        (
            "kotlin",
            [
                (f"fun deep(x: Int) = {DEEP}\n" + KOTLIN + "}", "compile_error"),
                ("class Other\nfun other() = 1\n" + KOTLIN + " other() }", "passed"),
                (KOTLIN + " Other() }", "compile_error"),
                (KOTLIN + " other() }", "compile_error"),
                ("package kotlin\nfun listOf(x: Int) = x\n" + KOTLIN + "}", "compile_error"),
                (KOTLIN + ' if (listOf(1) != arrayListOf(1)) throw Exception("x") }', "passed"),
            ],
        ),
        (
            "scala",
            [
                (APP + f"def deep(x: Int) = {DEEP} }}", "compile_error"),
                (APP + "new Other }\nclass Other", "passed"),
                (APP + "new Other }", "compile_error"),
                (APP + "}\npackage scala { class Option[A]; object Array }", "compile_error"),
                (APP + "assert(Option(1).get == 1 && Array(1).sum == 1) }", "passed"),
                (
                    APP + "}\npackage scala.util { object Sorting { def own = 1 } }"
                    "\npackage object foo { implicit class Bar(x: Int) { def baz = x } }",
                    "passed",
                ),
                (APP + "util.Sorting.quickSort(Array(2, 1)) }", "passed"),
                (APP + "util.Sorting.own }", "compile_error"),
                (APP + "import foo._; 1.baz }", "compile_error"),
            ],
        ),
    ],
)
def test_a_compilation_leaves_nothing_for_the_next(
    executor: DockerExecutor, job: MakeJob, language: str, programs: list[tuple[str, str]]
) -> None:
    """Nor does one whose nesting overflows the compiler's stack, or one in the library's name."""
    for program, verdict in programs * 2:
        done = executor.execute(job("", program, language=language))
        assert (done.verdict, program) == (verdict, program), done.detail


MACRO = """
import scala.language.experimental.macros
import scala.reflect.macros.blackbox.Context
object M {
    def run(c: Context): c.Expr[Int] = {
        new java.io.File("/tmp/ran").createNewFile(); import c.universe._; c.Expr[Int](q"5")
    }
    def five: Int = macro run
}
object Main extends App { assert(M.five == 5) }
"""


def test_the_warm_scala_compiler_runs_no_macro_of_a_program(
    executor: DockerExecutor, job: MakeJob
) -> None:
    """Nor finds the classes of the program before, among which a macro could be."""
    for _ in range(2):
        done = executor.execute(job("", MACRO, language="scala"))
        assert done.verdict == "compile_error"
        assert "macro implementation not found" in done.detail
    expands = MACRO[MACRO.index("object Main") :]
    done = executor.execute(job("", expands, language="scala"))
    assert (done.verdict, "not found: value M" in done.detail) == ("compile_error", True)
    looks = APP + 'assert(!new java.io.File("/tmp/ran").exists) }'
    assert executor.execute(job("", looks, language="scala")).verdict == "passed"


def test_a_suppressed_kotlin_error_does_not_stop_the_warm_compiler(
    executor: DockerExecutor, job: MakeJob
) -> None:
    """Code that the compiler was never meant to see may break it: it must go on."""
    broken = (
        '@Suppress("UNRESOLVED_REFERENCE", "TYPE_MISMATCH")\nfun main() { val x: Int = nothing }'
    )
    for _ in range(2):
        done = executor.execute(job("", broken, language="kotlin"))
        assert done.verdict in ("compile_error", "runtime_error"), done.detail
        fine = executor.execute(job("", "fun main() { println(1) }", language="kotlin"))
        assert fine.verdict == "passed"
