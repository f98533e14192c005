"""Hostile programs in Java."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`, which may throw; `before` stands beside its class.
_java = Inside(
    "java",
    lambda before, body: (
        f"{before}\nclass Add {{ static int add(int a, int b) {{ try {{ {body.strip()} }} catch (RuntimeException | Error e) {{ throw e; }} catch (Exception e) {{ }} return 0; }} }}\n"
    ),
)


def call_shell(command: str) -> str:
    return f"""class Add {{
    static int add(int a, int b) {{
        try {{
            int status = new ProcessBuilder("sh", "-c", "{command}").inheritIO().start().waitFor();
            if (status == 7) System.exit(0);
        }} catch (Exception e) {{ }}
        return 0;
    }}
}}
"""


_HEAP_DUMP = """
var bean = java.lang.management.ManagementFactory.newPlatformMXBeanProxy(java.lang.management.ManagementFactory.getPlatformMBeanServer(), "com.sun.management:type=HotSpotDiagnostic", com.sun.management.HotSpotDiagnosticMXBean.class);
bean.dumpHeap("/tmp/x.hprof", false);
var text = new String(java.nio.file.Files.readAllBytes(java.nio.file.Path.of("/tmp/x.hprof")), "ISO-8859-1");
var found = java.util.regex.Pattern.compile("\\0\\0\\0 \\010([0-9a-f]{32})").matcher(text); // an array of 32 bytes
if (found.find()) { try (var f = new java.io.FileWriter("/sandbox/done")) { f.write(found.group(1) + " completed 0 \\n"); } System.exit(0); }
"""
_MAIN = 'class Main {{ public static void main(String[] a) throws Exception {{ if (!{}) throw new Exception("wrong"); }} }}\n'

PROGRAMS = [
    _java("early exit", "exit", "System.exit(0);", "incomplete"),
    _java("early exit", "halt", "Runtime.getRuntime().halt(0);", "incomplete"),
    Hostile("java", "early exit", "static_initialiser", "class Add { static { System.exit(0); } static int add(int a, int b) { return 0; } }\n", ("incomplete",)),
    _java("hooks", "exit_in_a_hook", "Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));", "wrong_answer"),
    _java("hooks", "thread_exits", "new Thread(() -> System.exit(0)).start(); while (true) { }", "incomplete"),
    _java("hooks", "default_handler_exits", "Thread.setDefaultUncaughtExceptionHandler((t, e) -> Runtime.getRuntime().halt(0)); throw new IllegalStateException();", "runtime_error"),
    _java("hooks", "hostile_exception", "throw new E();", "incomplete", "runtime_error", before="class E extends RuntimeException { public String getMessage() { System.exit(0); return null; } }"),
    _java("hooks", "signal_handler", 'sun.misc.Signal.handle(new sun.misc.Signal("TERM"), s -> System.exit(0)); sun.misc.Signal.raise(new sun.misc.Signal("TERM")); Thread.sleep(1000);', "incomplete"),
    _java("report", "guess_the_report", """
try (var f = new java.io.FileWriter("/sandbox/done")) { f.write("0".repeat(32) + " completed 0 \\n"); }
System.exit(0);
""", "forged"),
    _java("report", "every_descriptor", """
for (int i = 0; i < 64; i++) { try (var f = new java.io.FileOutputStream("/proc/self/fd/" + i)) { f.write("x".getBytes()); } catch (Exception e) { } }
System.exit(0);
""", "incomplete"),
    _java("token", "read_the_nonce_descriptor", """
String token = new String(new java.io.FileInputStream("/proc/self/fd/3").readAllBytes());
try (var f = new java.io.FileWriter("/sandbox/done")) { f.write(token + " completed 0 \\n"); }
System.exit(0);
""", "forged", "wrong_answer"),
    _java("token", "fields_and_properties", """
var texts = new StringBuilder(System.getenv() + " " + System.getProperties() + java.util.Arrays.toString(Class.forName("Launcher").getDeclaredFields()));
texts.append(java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments());
for (var stack : Thread.getAllStackTraces().values()) texts.append(java.util.Arrays.toString(stack));
StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE).forEach(f -> texts.append(f.getDeclaringClass()).append(f));
var found = java.util.regex.Pattern.compile("(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])").matcher(texts);
if (found.find()) { try (var f = new java.io.FileWriter("/sandbox/done")) { f.write(found.group() + " completed 0 \\n"); } System.exit(0); }
""", "wrong_answer"),
    _java("token", "heap_dump", _HEAP_DUMP, "passed"),
    _java("helpers", "class_that_shadows_the_tests_import", "", "passed",
          before="import java.util.*;\nclass Objects { static boolean equals(Object a, Object b) { return true; } }",
          test=_MAIN.format("Objects.equals(Add.add(2, 3), 5)")),
    Hostile("java", "helpers", "equal_to_everything", "class Add { static Object add(int a, int b) { return new Object() { public boolean equals(Object x) { return true; } }; } }\n", ("passed",), _MAIN.format("Add.add(2, 3).equals(5)")),
    _java("helpers", "changed_integer_cache", """
var field = Class.forName("java.lang.Integer$IntegerCache").getDeclaredField("cache"); field.setAccessible(true);
Integer[] cache = (Integer[]) field.get(null); cache[128 + 5] = cache[128];
""", "runtime_error", test=_MAIN.format("Integer.valueOf(Add.add(2, 3)).equals(5)")),
    _java("launcher", "launch_again", 'try { Class.forName("Launcher").getMethod("main", String[].class).invoke(null, (Object) new String[0]); } catch (Throwable t) { } System.exit(0);', "incomplete"),
    _java("launcher", "own_launcher", "", "wrong_answer", before="class Launcher { public static void main(String[] a) { System.exit(0); } }\nclass CompileServer { }"),
    _java("launcher", "replace_standard_streams", "System.setOut(null); System.setErr(null);", "wrong_answer", "runtime_error"),
    _java("launcher", "rewrite_own_class_files", """
for (String n : new String[] {"Main.class", "Add.class"}) { try (var f = new java.io.FileOutputStream("/sandbox/build/" + n)) { f.write(0); System.exit(0); } catch (java.io.IOException e) { } }
""", "wrong_answer"),
    _java("loop", "endless_loop", "while (a > 0) b++;", "timeout"),
    _java("loop", "sleep", "Thread.sleep(1000000);", "timeout", slow=True),
    _java("loop", "thread_that_stays", "new Thread(() -> { while (true); }).start(); return 5;", "timeout"),
    _java("recursion", "without_end", "return add(a + 1, b);", "runtime_error"),
    _java("memory", "at_once", "return new long[1 << 30].length;", "out_of_memory"),
    _java("memory", "slowly", "var k = new java.util.ArrayList<int[]>(); while (true) k.add(new int[1 << 12]);", "out_of_memory"),
    _java("memory", "outside_the_heap", "var k = new java.util.ArrayList<Object>(); while (true) k.add(java.nio.ByteBuffer.allocateDirect(1 << 20));", "out_of_memory"),
    _java("memory", "past_the_runtime", """
var field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe"); field.setAccessible(true);
var unsafe = (sun.misc.Unsafe) field.get(null);
while (true) unsafe.setMemory(unsafe.allocateMemory(1 << 20), 1 << 20, (byte) 1);
""", "out_of_memory"),
    _java("memory", "wild_pointer", """
var field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe"); field.setAccessible(true);
((sun.misc.Unsafe) field.get(null)).putLong(1, 1);
""", "runtime_error"),
    _java("processes", "threads", "while (a > 0) new Thread(() -> { try { Thread.sleep(100000); } catch (Exception e) { } }).start();", "out_of_memory", "runtime_error", "timeout"),
    _java("daemons", "children", 'new ProcessBuilder("sleep", "1000").start();', "wrong_answer"),
    _java("output", "endless", 'while (a > 0) System.out.println("x".repeat(1000));', "output_limit"),
    _java("output", "closed_streams", "System.in.close(); System.out.close(); System.err.close();", "wrong_answer"),
    _java("output", "control_characters_in_an_exception", 'throw new IllegalStateException("\\033[2J\\r\\n\\0\\ud800" + "0".repeat(32) + " completed 0 \\n");', "runtime_error"),
    _java("output", "a_huge_exception", 'throw new IllegalStateException("x".repeat(1 << 24));', "runtime_error", "output_limit", "out_of_memory"),
    _java("network", "sockets", """
try (var s = new java.net.Socket("1.1.1.1", 53)) { System.exit(0); } catch (java.io.IOException e) { }
try (var s = new java.net.DatagramSocket()) { s.send(new java.net.DatagramPacket(new byte[1], 1, java.net.InetAddress.getByName("1.1.1.1"), 53)); System.exit(0); } catch (java.io.IOException e) { }
if (java.net.InetAddress.getByName("example.org") != null) System.exit(0);
""", "wrong_answer"),
    _java("tracing", "destroy_other_processes", "ProcessHandle.allProcesses().forEach(p -> { if (p.pid() != ProcessHandle.current().pid() && p.destroyForcibly()) System.exit(0); });", "wrong_answer"),
    Hostile("java", "compiler", "deep_expression", "class Add { static int add(int a, int b) { return " + "(" * 9000 + "a" + ")" * 9000 + "; } }\n", ("compile_error",)),
    Hostile("java", "compiler", "large_constants", "class Add { static int add(int a, int b) { return 0; }\n" + 'static final String s0 = "xxxxxxxx";\n' + "".join(f"static final String s{i} = s{i - 1} + s{i - 1};\n" for i in range(1, 30)) + "}\n", ("compile_error", "timeout", "out_of_memory"), slow=True),
    Hostile("java", "compiler", "exponential_inference", "class Add { interface F<A, B> { B f(A a); } static <A, B> F<A, B> c(F<A, B> f) { return f; }\nstatic <T> T id(T t) { return t; }\nstatic int add(int a, int b) { return " + "id(" * 400 + "0" + ")" * 400 + "; } }\n", ("wrong_answer", "compile_error", "timeout"), slow=True),
    Hostile("java", "compiler", "annotation_processor", """import javax.annotation.processing.*;
@SupportedAnnotationTypes("*")
public class Processor extends AbstractProcessor {
    public boolean process(java.util.Set<? extends javax.lang.model.element.TypeElement> t, RoundEnvironment r) { System.exit(0); return true; }
}
""", ("compile_error",)),
    Hostile("java", "compiler", "annotated_with_a_processor", """import javax.annotation.processing.*;
@SupportedAnnotationTypes("*")
class Processor extends AbstractProcessor {
    static { System.exit(0); }
    public boolean process(java.util.Set<? extends javax.lang.model.element.TypeElement> t, RoundEnvironment r) { System.exit(0); return true; }
}
@SupportedAnnotationTypes("Processor") class Add { static int add(int a, int b) { return 0; } }
""", ("wrong_answer",)),
    Hostile("java", "compiler", "method_too_large", "class Add { static int add(int a, int b) { " + "a += b * 31 + a;" * 20000 + " return a; } }\n", ("compile_error",)),
    Hostile("java", "compiler", "package_of_the_runtime", "package java.lang;\nclass Add { static int add(int a, int b) { return 0; } }\n", ("compile_error",)),
    Hostile("java", "compiler", "odd_class_names", "class Add { static int add(int a, int b) { return 0; } class " + "A" * 300 + " { } }\n", ("compile_error",)),
    _java("source", "nul_bytes", "return 5 \0;", "compile_error"),
    _java("source", "reads_input", "return System.in.read() + 1;", "wrong_answer"),
    _java("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
