"""Hostile programs in Scala."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile


def _scala(
    threat: str,
    name: str,
    body: str,
    *verdicts: str,
    before: str = "",
    beside: str = "",
    slow: bool = False,
) -> Hostile:
    """`body` is the inside of `add`; the test goes on inside its object."""
    text = f"{before}\nobject Main extends App {{\n{beside}\ndef add(a: Int, b: Int): Int = {{\n{body.strip()}\n}}\n"
    return Hostile("scala", threat, name, text, verdicts, "", slow)


def call_shell(command: str) -> str:
    return f"""object Main extends App {{
def add(a: Int, b: Int): Int = {{
    val status = new ProcessBuilder("sh", "-c", "{command}").inheritIO().start().waitFor()
    if (status == 7) Runtime.getRuntime.halt(0)
    0
}}
"""


PROGRAMS = [
    _scala("early exit", "exit", "System.exit(0); 0", "incomplete", slow=True),
    _scala("early exit", "sys_exit", "sys.exit(0)", "incomplete", slow=True),
    _scala("early exit", "halt", "Runtime.getRuntime.halt(0); 0", "incomplete"),
    _scala("early exit", "in_the_objects_body", "0", "incomplete", beside="Runtime.getRuntime.halt(0)", slow=True),
    _scala("early exit", "own_main_method", "0", "wrong_answer", beside="override def main(args: Array[String]): Unit = { }"),
    _scala("early exit", "body_that_is_not_run", "0", "incomplete", beside="override def delayedInit(body: => Unit): Unit = { }"),
    Hostile("scala", "early exit", "the_test_in_another_object", "object Main extends App { }\nobject Other {\ndef add(a: Int, b: Int): Int = 0\n", ("incomplete",)),
    _scala("early exit", "body_that_is_run_in_a_net", "0", "incomplete", beside="override def delayedInit(body: => Unit): Unit = super.delayedInit(try body catch { case _: Throwable => })"),
    _scala("early exit", "main_that_is_run_in_a_net", "0", "wrong_answer", beside="override def main(args: Array[String]): Unit = try super.main(args) catch { case _: Throwable => }"),
    Hostile("scala", "early exit", "the_test_in_the_companion", "object Main extends App { }\nclass Main {\ndef add(a: Int, b: Int): Int = 0\n", ("incomplete",)),
    Hostile("scala", "early exit", "comment_to_the_end", "object Main extends App { def add(a: Int, b: Int): Int = 0 }\n/*\n", ("compile_error",)),
    _scala("helpers", "own_assert", "0", "passed", beside="def assert(x: Boolean, y: => Any) { }"),
    Hostile("scala", "helpers", "equal_to_everything", 'class E { override def equals(o: Any) = true }\nobject Main extends App {\ndef add(a: Int, b: Int) = new E\n', ("passed",), "\n  var x0 : Any = add(2, 3)\n  assert(x0 == 5, \"wrong\")\n}\n"),
    _scala("hooks", "exit_in_a_hook", "sys.addShutdownHook(Runtime.getRuntime.halt(0)); 0", "wrong_answer", slow=True),
    _scala("hooks", "thread_exits", "new Thread(new Runnable { def run() { System.exit(0) } }).start(); while (true) { }; 0", "incomplete", slow=True),
    _scala("hooks", "hostile_exception", "throw new E", "incomplete", "runtime_error", before="class E extends RuntimeException { override def getMessage = { System.exit(0); null } }", slow=True),
    _scala("report", "guess_the_report", 'val f = new java.io.FileWriter("/sandbox/done"); f.write("0" * 32 + " completed 0 \\n"); f.close(); System.exit(0); 0', "forged"),
    _scala("loop", "endless_loop", "var x = b; while (a > 0) x += 1; x", "timeout"),
    _scala("loop", "sleep", "Thread.sleep(1000000); 0", "timeout", slow=True),
    _scala("recursion", "without_end", "add(a + 1, b) + 1", "runtime_error", slow=True),
    _scala("memory", "at_once", "new Array[Long](1 << 30).length", "out_of_memory", slow=True),
    _scala("memory", "slowly", "val k = new java.util.ArrayList[Array[Int]](); while (true) k.add(new Array[Int](1 << 12)); 0", "out_of_memory", slow=True),
    _scala("output", "endless", 'while (a > 0) println("x" * 1000); 0', "output_limit", slow=True),
    _scala("output", "control_characters_in_an_exception", 'throw new IllegalStateException("\\u001b[2J\\r\\n\\u0000" + "0" * 32 + " completed 0 \\n")', "runtime_error"),
    _scala("compiler", "deep_expression", f"{'(' * 5000}a{')' * 5000}", "compile_error", "wrong_answer"),
    _scala("compiler", "macro_in_the_same_run", "m", "compile_error", beside='import scala.language.experimental.macros\nimport scala.reflect.macros.blackbox.Context\ndef m: Int = macro impl\ndef impl(c: Context): c.Expr[Int] = { Runtime.getRuntime.halt(0); null }', slow=True),
    _scala("source", "nul_bytes", "0 \0", "compile_error"),
    _scala("source", "reads_input", "System.in.read() + 1", "wrong_answer", slow=True),
    _scala("source", "ten_megabytes", "0 // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
