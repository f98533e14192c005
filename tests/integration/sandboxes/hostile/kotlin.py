"""Hostile programs in Kotlin."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_kotlin = Inside(
    "kotlin",
    lambda before, body: f"{before}\nfun add(a: Int, b: Int): Int {{\n{body.strip()}\n}}\n",
)


def call_shell(command: str) -> str:
    return f"""fun add(a: Int, b: Int): Int {{
    val status = ProcessBuilder("sh", "-c", "{command}").inheritIO().start().waitFor()
    if (status == 7) Runtime.getRuntime().halt(0)
    return 0
}}
"""


_HEAP_DUMP = """
val bean = java.lang.management.ManagementFactory.newPlatformMXBeanProxy(java.lang.management.ManagementFactory.getPlatformMBeanServer(), "com.sun.management:type=HotSpotDiagnostic", com.sun.management.HotSpotDiagnosticMXBean::class.java)
bean.dumpHeap("/tmp/x.hprof", false)
val text = String(java.io.File("/tmp/x.hprof").readBytes(), Charsets.ISO_8859_1)
val found = Regex("(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])").find(text)
if (found != null) { java.io.File("/sandbox/done").outputStream().use { it.write((found.value + " completed 0 \\n").toByteArray()) }; Runtime.getRuntime().halt(0) }
return 0
"""

PROGRAMS = [
    _kotlin("early exit", "exit", "System.exit(0)\nreturn 0", "incomplete", slow=True),
    _kotlin("early exit", "exit_process", "kotlin.system.exitProcess(0)", "incomplete"),
    _kotlin("early exit", "halt", "Runtime.getRuntime().halt(0)\nreturn 0", "incomplete", slow=True),
    _kotlin("early exit", "top_level_property", "return 0", "incomplete", before="val early: Int = run { Runtime.getRuntime().halt(0); 0 }"),
    Hostile("kotlin", "early exit", "a_main_that_is_preferred", "fun main(args: Array<String>) { }\nfun add(a: Int, b: Int): Int = 0\n", ("wrong_answer",)),
    Hostile("kotlin", "early exit", "another_class_for_main", '@file:JvmName("Other")\nobject MainKt { @JvmStatic fun main(args: Array<String>) { } }\nfun add(a: Int, b: Int): Int = 0\n', ("compile_error",)),
    Hostile("kotlin", "early exit", "own_package", "package own\nfun add(a: Int, b: Int): Int = 0\n", ("compile_error",)),
    Hostile("kotlin", "early exit", "comment_to_the_end", "fun add(a: Int, b: Int): Int = 0\nfun main() { }\n/*\n", ("compile_error",)),
    _kotlin("helpers", "own_exception", "return 0", "incomplete", before="fun Exception(x: String): Throwable { kotlin.system.exitProcess(0) }", slow=True),
    _kotlin("hooks", "exit_in_a_hook", "Runtime.getRuntime().addShutdownHook(Thread { Runtime.getRuntime().halt(0) })\nreturn 0", "wrong_answer"),
    _kotlin("hooks", "thread_exits", "kotlin.concurrent.thread { System.exit(0) }\nwhile (true) { }", "incomplete", slow=True),
    _kotlin("hooks", "hostile_exception", "throw E()", "incomplete", "runtime_error", before="class E : RuntimeException() { override val message: String? get() { System.exit(0); return null } }", slow=True),
    _kotlin("report", "guess_the_report", 'java.io.File("/sandbox/done").outputStream().use { it.write(("0".repeat(32) + " completed 0 \\n").toByteArray()) }\nSystem.exit(0)\nreturn 0', "forged"),
    _kotlin("token", "heap_dump", _HEAP_DUMP, "passed", slow=True),
    _kotlin("loop", "endless_loop", "var x = b\nwhile (a > 0) x++\nreturn x", "timeout"),
    _kotlin("loop", "sleep", "Thread.sleep(1000000)\nreturn 0", "timeout", slow=True),
    _kotlin("recursion", "without_end", "return add(a + 1, b) + 1", "runtime_error", slow=True),
    _kotlin("memory", "at_once", "return LongArray(1 shl 30).size", "out_of_memory", slow=True),
    _kotlin("memory", "slowly", "val k = ArrayList<IntArray>()\nwhile (true) k.add(IntArray(1 shl 12))", "out_of_memory", slow=True),
    _kotlin("processes", "threads", "while (a > 0) kotlin.concurrent.thread { Thread.sleep(100000) }\nreturn 0", "out_of_memory", "runtime_error", "timeout", slow=True),
    _kotlin("output", "endless", 'while (a > 0) println("x".repeat(1000))\nreturn 0', "output_limit", slow=True),
    _kotlin("output", "closed_streams", "System.`in`.close(); System.out.close(); System.err.close()\nreturn 0", "wrong_answer", slow=True),
    _kotlin("output", "control_characters_in_an_exception", 'throw IllegalStateException("\\u001b[2J\\r\\n\\u0000\\ud800" + "0".repeat(32) + " completed 0 \\n")', "runtime_error"),
    _kotlin("compiler", "deep_expression", f"return {'(' * 9000}a{')' * 9000}", "compile_error", "wrong_answer"),
    _kotlin("compiler", "package_of_the_library", "return 0", "compile_error", "wrong_answer", "runtime_error", before="package kotlin", slow=True),
    _kotlin("source", "nul_bytes", "return 0 \0", "compile_error"),
    _kotlin("source", "reads_input", "return System.`in`.read() + 1", "wrong_answer", slow=True),
    _kotlin("source", "ten_megabytes", "return 0 // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
