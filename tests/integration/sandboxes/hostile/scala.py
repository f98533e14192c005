"""Hostile programs in Scala."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`, `before` stands beside it; the test goes on inside their object.
_scala = Inside(
    "scala",
    lambda before, body: (
        f"object Main extends App {{\n{before}\ndef add(a: Int, b: Int): Int = {{\n{body.strip()}\n}}\n"
    ),
)
_WRONG = "def add(a: Int, b: Int): Int = 0\n"
_MAIN = f"object Main extends App {{\n{_WRONG}"
_DONE = "object Main extends App { println(1) }\n"


def _whole(
    threat: str, name: str, completion: str, *verdicts: str, test: str = "", slow: bool = False
) -> Hostile:
    return Hostile("scala", threat, name, completion, verdicts, test, slow)


def call_shell(command: str) -> str:
    return f"""object Main extends App {{
def add(a: Int, b: Int): Int = {{
    val status = new ProcessBuilder("sh", "-c", "{command}").inheritIO().start().waitFor()
    if (status == 7) Runtime.getRuntime.halt(0)
    0
}}
"""


_SAY = 'def say(nonce: String) { val f = new java.io.FileWriter("/sandbox/done"); f.write(nonce + " completed 0 \\n"); f.close(); Runtime.getRuntime.halt(0) }'
_HEAP_DUMP = """
val bean = java.lang.management.ManagementFactory.newPlatformMXBeanProxy(java.lang.management.ManagementFactory.getPlatformMBeanServer(), "com.sun.management:type=HotSpotDiagnostic", classOf[com.sun.management.HotSpotDiagnosticMXBean])
bean.dumpHeap("/tmp/x.hprof", false)
val text = new String(java.nio.file.Files.readAllBytes(java.nio.file.Paths.get("/tmp/x.hprof")), "ISO-8859-1")
"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])".r.findFirstIn(text).foreach(say)
0
"""
_FIELDS = """
val texts = new StringBuilder(System.getenv() + " " + System.getProperties())
for (name <- Seq("Launcher", "forkeval.Entry"); field <- Class.forName(name).getDeclaredFields) { field.setAccessible(true); texts.append(field.get(null)) }
texts.append(java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments())
texts.append(Thread.getAllStackTraces())
for (name <- Seq("environ", "cmdline", "fd/3")) try texts.append(io.Source.fromFile("/proc/self/" + name, "ISO-8859-1").mkString) catch { case _: Exception => }
"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])".r.findFirstIn(texts).foreach(say)
0
"""
_OWN_BODY = "class `Main$delayedInit$body`(x: Any) extends scala.runtime.AbstractFunction0[Unit] { def apply() { } }\n"
_GUESS = "object Guess { var now = 0 }\noverride def delayedInit(body: => Unit): Unit = { while (try { body; false } catch { case _: AssertionError => true }) Guess.now += 1 }"
# A test that begins with an expression, not with a definition.
_ASSERTS = "\n  assert(add(2, 3) == 5)\n}\n"
_NET = "try body catch { case _: Throwable => }"
_BUILD = 'new java.io.File(getClass.getResource("/Main$.class").toURI).getParentFile'
_FATTER = "".join(f"val x{i} = (x{i - 1}, x{i - 1}, x{i - 1})\n" for i in range(1, 30))
_CASES = "sealed trait T\n" + "".join(f"case object T{i} extends T\n" for i in range(12))

PROGRAMS = [
    _scala("early exit", "exit", "System.exit(0); 0", "incomplete", slow=True),
    _scala("early exit", "sys_exit", "sys.exit(0)", "incomplete", slow=True),
    _scala("early exit", "halt", "Runtime.getRuntime.halt(0); 0", "incomplete"),
    _scala("early exit", "in_the_objects_body", "0", "incomplete", before="Runtime.getRuntime.halt(0)", slow=True),
    _scala("early exit", "own_main_method", "0", "wrong_answer", before="override def main(args: Array[String]): Unit = { }"),
    _scala("early exit", "main_that_is_run_in_a_net", "0", "wrong_answer", before=f"override def main(args: Array[String]): Unit = {_NET.replace('body', 'super.main(args)')}", slow=True),
    _scala("early exit", "body_that_is_not_run", "0", "wrong_answer", before="override def delayedInit(body: => Unit): Unit = { }"),
    _scala("early exit", "body_that_is_run_in_a_net", "0", "wrong_answer", before=f"override def delayedInit(body: => Unit): Unit = super.delayedInit({_NET})", slow=True),
    _whole("early exit", "body_that_is_another_class", _OWN_BODY + _MAIN, "wrong_answer", "compile_error", "runtime_error", slow=True),
    _whole("early exit", "own_app", "trait App { def main(args: Array[String]): Unit = { } }\n" + _MAIN, "wrong_answer"),
    _whole("early exit", "own_app_without_a_body", "trait App extends DelayedInit { def delayedInit(body: => Unit): Unit = { }; def main(args: Array[String]): Unit = { } }\n" + _MAIN, "wrong_answer", slow=True),
    _whole("early exit", "the_test_in_another_object", f"{_DONE}object Other {{\n{_WRONG}", "incomplete"),
    _whole("early exit", "the_test_in_another_app", f"{_DONE}object Other extends App {{\n{_WRONG}", "incomplete", slow=True),
    _whole("early exit", "the_test_in_the_companion", f"{_DONE}class Main {{\n{_WRONG}", "incomplete", slow=True),
    _whole("early exit", "the_test_in_a_class", f"{_DONE}class Other {{\n{_WRONG}", "incomplete", slow=True),
    _whole("early exit", "the_test_in_a_trait", f"{_DONE}trait Other {{\n{_WRONG}", "incomplete", slow=True),
    _whole("early exit", "the_test_in_another_object_on_shifted_lines", "object Main extends App { /*" + "\f" * 99 + f"*/\nprintln(1) }}\nobject Other {{\n{_WRONG}", "incomplete"),
    _whole("early exit", "the_test_in_another_object_past_the_last_line", "object Main extends App { println(1)" + "\n" * 65600 + f"println(2) }}\nobject Other {{\n{_WRONG}", "incomplete", slow=True),
    _whole("early exit", "definition_to_the_end", f"{_MAIN}def unused =\n", "compile_error", test=_ASSERTS),
    _whole("early exit", "condition_to_the_end", f"{_MAIN}if (false)\n", "compile_error", test=_ASSERTS, slow=True),
    _whole("early exit", "attempt_to_the_end", f"{_MAIN}try {{\n", "compile_error", slow=True),
    _whole("early exit", "comment_to_the_end", f"{_DONE}/*\n", "compile_error"),
    _whole("early exit", "text_to_the_end", f'{_DONE}object Other {{ val x = """\n', "compile_error", slow=True),
    _whole("early exit", "assertions_in_a_text", f'{_MAIN}val x = """\n', "incomplete", test='\n  assert(add(2, 3) == 5)\n  val y = """; println(1) //"""\n}\n'),
    _whole("early exit", "own_package", f"package own\n{_MAIN}", "compile_error", slow=True),
    _scala("hooks", "exit_in_a_hook", "sys.addShutdownHook(Runtime.getRuntime.halt(0)); 0", "wrong_answer", slow=True),
    _scala("hooks", "thread_exits", "new Thread(new Runnable { def run() { System.exit(0) } }).start(); while (true) { }; 0", "incomplete", slow=True),
    _scala("hooks", "default_handler_exits", "Thread.setDefaultUncaughtExceptionHandler(new Thread.UncaughtExceptionHandler { def uncaughtException(t: Thread, e: Throwable) { Runtime.getRuntime.halt(0) } }); throw new IllegalStateException", "runtime_error", slow=True),
    _scala("hooks", "hostile_exception", "throw new E", "incomplete", "runtime_error", before="class E extends RuntimeException { override def getMessage = { System.exit(0); null } }", slow=True),
    _scala("hooks", "control_throwable", "throw new scala.util.control.ControlThrowable { }", "runtime_error", slow=True),
    _scala("report", "guess_the_report", 'say("0" * 32); 0', "forged", before=_SAY),
    _scala("report", "every_descriptor", 'for (i <- 0 until 64) try { val f = new java.io.FileOutputStream("/proc/self/fd/" + i); f.write(120); f.close() } catch { case _: Exception => }\nSystem.exit(0); 0', "incomplete", "runtime_error", slow=True),
    _scala("token", "fields_properties_and_files", _FIELDS, "wrong_answer", before=_SAY, slow=True),
    _scala("token", "heap_dump", _HEAP_DUMP, "passed", before=_SAY, slow=True),
    _scala("helpers", "own_assert", "0", "passed", before="def assert(x: Boolean, y: => Any) { }"),
    _scala("helpers", "own_type", "0", "passed", before="class Int { override def equals(x: Any) = true }\nimplicit def int(x: scala.Int): Int = new Int", slow=True),
    _scala("helpers", "guess_until_the_test_agrees", "Guess.now", "passed", before=_GUESS, slow=True),
    _whole("helpers", "equal_to_everything", "class E { override def equals(x: Any) = true }\nobject Main extends App {\ndef add(a: Int, b: Int) = new E\n", "passed", test=_ASSERTS, slow=True),
    _scala("launcher", "launch_again", 'scala.util.Try(Class.forName("Launcher").getMethod("main", classOf[Array[String]]).invoke(null, Array("Other", "main.scala"))); 0', "wrong_answer", "incomplete", slow=True),
    _scala("launcher", "run_another_object", '0', "wrong_answer", before='object Other { def main(args: Array[String]) { } }\nval field = Class.forName("forkeval.Entry").getDeclaredField("program"); field.setAccessible(true); field.set(null, Other.getClass)'),
    _whole("launcher", "run_another_object_early", 'class Before extends App { }\nobject Main extends Before {\noverride def delayedInit(body: => Unit): Unit = { val field = Class.forName("forkeval.Entry").getDeclaredField("program"); field.setAccessible(true); field.set(null, classOf[Before]) }\n' + _WRONG, "wrong_answer", slow=True),
    _whole("launcher", "own_launcher", "object Launcher { def main(args: Array[String]) { System.exit(0) } }\npackage forkeval { object Entry { def run(args: Array[String]) { System.exit(0) } } }\n" + _MAIN, "wrong_answer"),
    _scala("launcher", "replace_standard_streams", "System.setOut(null); System.setErr(null); 0", "wrong_answer", "runtime_error", slow=True),
    _scala("launcher", "rewrite_own_class_files", f"for (file <- {_BUILD}.listFiles) scala.util.Try(new java.io.FileOutputStream(file).close()); 0", "wrong_answer", "runtime_error", slow=True),
    _scala("loop", "endless_loop", "var x = b; while (a > 0) x += 1; x", "timeout"),
    _scala("loop", "endless_loop_in_the_objects_body", "0", "timeout", before="while (true) { }", slow=True),
    _scala("loop", "sleep", "Thread.sleep(1000000); 0", "timeout", slow=True),
    _scala("loop", "thread_that_stays", "new Thread(new Runnable { def run() { while (true) { } } }).start(); 5", "timeout", slow=True),
    _scala("recursion", "without_end", "add(a + 1, b) + 1", "runtime_error", slow=True),
    _scala("recursion", "lazy_value_of_itself", "x", "runtime_error", before="lazy val x: Int = x + 1", slow=True),
    _scala("memory", "at_once", "new Array[Long](1 << 30).length", "out_of_memory", slow=True),
    _scala("memory", "slowly", "val k = new java.util.ArrayList[Array[Int]](); while (true) k.add(new Array[Int](1 << 12)); 0", "out_of_memory", slow=True),
    _scala("memory", "endless_list", "Stream.from(1).map(_ => new Array[Int](1 << 12)).toList.size", "out_of_memory", slow=True),
    _scala("memory", "outside_the_heap", "val k = new java.util.ArrayList[Any](); while (true) k.add(java.nio.ByteBuffer.allocateDirect(1 << 20)); 0", "out_of_memory", slow=True),
    _scala("processes", "threads", "while (true) new Thread(new Runnable { def run() { Thread.sleep(100000) } }).start(); 0", "out_of_memory", "runtime_error", "timeout", slow=True),
    _scala("processes", "children_without_end", 'import scala.sys.process._; while (true) Seq("sleep", "1000").run(); 0', "runtime_error", "out_of_memory", "timeout", slow=True),
    _scala("daemons", "children", 'new ProcessBuilder("sleep", "1000").start(); 0', "wrong_answer", slow=True),
    _scala("output", "endless", 'while (a > 0) println("x" * 1000); 0', "output_limit", slow=True),
    _scala("output", "a_megabyte_without_newline", 'print("x" * (1 << 20)); 0', "wrong_answer", slow=True),
    _scala("output", "odd_bytes", "System.out.write(Array[Byte](-1, -2, 0, 27, 91, 50, 74, 13, 8, -61, 40)); 0", "wrong_answer", slow=True),
    _scala("output", "closed_streams", "System.in.close(); System.out.close(); System.err.close(); 0", "wrong_answer", slow=True),
    _scala("output", "control_characters_in_an_exception", 'throw new IllegalStateException("\\u001b[2J\\r\\n\\u0000" + "0" * 32 + " completed 0 \\n")', "runtime_error", slow=True),
    _scala("output", "a_huge_exception", 'throw new IllegalStateException("x" * (1 << 24))', "runtime_error", "output_limit", "out_of_memory", slow=True),
    _scala("network", "sockets", 'for (to <- Seq("1.1.1.1", "127.0.0.1", "example.org")) scala.util.Try { new java.net.Socket(to, 53); System.exit(0) }; 0', "wrong_answer", slow=True),
    _scala("tracing", "destroy_other_processes", "for (p <- classOf[ProcessHandle].getMethod(\"allProcesses\").invoke(null).asInstanceOf[java.util.stream.Stream[ProcessHandle]].toArray) if (scala.util.Try(p.asInstanceOf[ProcessHandle].destroyForcibly).getOrElse(false)) System.exit(0); 0", "wrong_answer", slow=True),
    _scala("compiler", "deep_expression", f"{'(' * 5000}a{')' * 5000}", "compile_error", "wrong_answer"),
    _scala("compiler", "long_expression", "+".join(["a"] * 30000), "compile_error", slow=True),
    _scala("compiler", "macro_in_the_same_run", "m", "compile_error", before="import scala.language.experimental.macros\nimport scala.reflect.macros.blackbox.Context\ndef m: Int = macro impl\ndef impl(c: Context): c.Expr[Int] = { Runtime.getRuntime.halt(0); null }"),
    _scala("compiler", "implicit_of_itself", "implicitly[F[Int]]; 0", "compile_error", before="class F[A]\nimplicit def f[A](implicit x: F[F[A]]): F[A] = new F[A]", slow=True),
    _scala("compiler", "exponential_type", f"val x0 = a\n{_FATTER}\n0", "compile_error", "timeout", "out_of_memory", "wrong_answer", slow=True),
    _scala("compiler", "exponential_match", "def m(x: (T, T, T, T, T)) = x match { case (T0, T1, T2, T3, T4) => 1 }\n0", "wrong_answer", "compile_error", "timeout", before=_CASES, slow=True),
    _scala("compiler", "large_constants", "0", "compile_error", "timeout", "out_of_memory", "wrong_answer", before='final val s0 = "xxxxxxxx"\n' + "".join(f"final val s{i} = s{i - 1} + s{i - 1}\n" for i in range(1, 30)), slow=True),
    _scala("compiler", "method_too_large", "var x = a; " + "x += b * 31 + a; " * 9000 + "0", "compile_error", "timeout", slow=True),
    _scala("compiler", "odd_class_names", "0", "compile_error", "wrong_answer", before="class " + "A" * 300, slow=True),
    _whole("compiler", "package_of_the_library", "package scala\n" + _MAIN, "compile_error", slow=True),
    _scala("source", "nul_bytes", "0 \0", "compile_error"),
    _scala("source", "comment_by_escapes", "0", "compile_error", before="\\u002f\\u002a", slow=True),
    _scala("source", "reads_input", "System.in.read() + 1", "wrong_answer", slow=True),
    _scala("source", "ten_megabytes", "0 // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
