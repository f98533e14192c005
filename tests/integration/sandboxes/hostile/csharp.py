"""Hostile programs in C#."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands beside it in its class. The test ends the class.
_csharp = Inside(
    "csharp",
    lambda before, body: (
        f"using System; using System.IO; public class Add {{\n{before}\npublic static int add(int a, int b) {{ {body.strip()} }}\n"
    ),
)


def call_shell(command: str) -> str:
    return f"""using System; public class Add {{ public static int add(int a, int b) {{
    var how = new System.Diagnostics.ProcessStartInfo("/bin/sh", "-c \\"{command}\\"") {{ UseShellExecute = false }};
    using (var p = System.Diagnostics.Process.Start(how)) {{
        p.WaitForExit();
        if (p.ExitCode == 7) Environment.Exit(0);
    }}
    return 0;
}}
"""


_LIBC = '[System.Runtime.InteropServices.DllImport("libc")] static extern int {};'
_MEMORY_SEARCH = """
byte[] all = null; long at = 0;
foreach (string line in File.ReadAllLines("/proc/self/maps")) {
    if (!line.Contains(" rw-p ") || line.Contains("[stack")) continue;
    string[] ends = line.Split(' ')[0].Split('-');
    at = Convert.ToInt64(ends[0], 16); long size = Convert.ToInt64(ends[1], 16) - at;
    if (size > (64 << 20)) continue;
    all = new byte[size];
    try { using (var f = new FileStream("/proc/self/mem", FileMode.Open, FileAccess.Read)) { f.Seek(at, SeekOrigin.Begin); f.Read(all, 0, all.Length); } } catch (Exception) { continue; }
    int run = 0;
    for (int i = 0; i <= all.Length; i++) {
        if (i < all.Length && (all[i] >= '0' && all[i] <= '9' || all[i] >= 'a' && all[i] <= 'f')) { run++; continue; }
        if (run == 32) {
            var text = System.Text.Encoding.ASCII.GetString(all, i - 32, 32) + " completed 0 \\n";
            using (var d = new FileStream("/sandbox/done", FileMode.Open, FileAccess.Write)) d.Write(System.Text.Encoding.ASCII.GetBytes(text), 0, text.Length);
            Environment.Exit(0);
        }
        run = 0;
    }
}
return 0;
"""
_MAIN = 'public static void Main(string[] args) {{ if (!{}) throw new Exception("Exception --- test case 0 failed to pass"); }} }}\n'

PROGRAMS = [
    _csharp("early exit", "exit", "Environment.Exit(0); return 0;", "incomplete"),
    _csharp("early exit", "fail_fast", 'Environment.FailFast("x"); return 0;', "runtime_error"),
    _csharp("early exit", "native_exit", "_exit(0); return 0;", "incomplete", before=_LIBC.format("_exit(int s)")),
    _csharp("early exit", "static_constructor", "return 0;", "incomplete", before="static Add() { Environment.Exit(0); }"),
    _csharp("hooks", "process_exit_event", "AppDomain.CurrentDomain.ProcessExit += (s, e) => _exit(0); return 0;", "wrong_answer", before=_LIBC.format("_exit(int s)")),
    _csharp("hooks", "unhandled_exception_event", "AppDomain.CurrentDomain.UnhandledException += (s, e) => _exit(0); return 0;", "wrong_answer", before=_LIBC.format("_exit(int s)")),
    _csharp("hooks", "first_chance_exception_event", "AppDomain.CurrentDomain.FirstChanceException += (s, e) => _exit(0); return 0;", "incomplete", "wrong_answer", before=_LIBC.format("_exit(int s)")),
    _csharp("hooks", "thread_exits", "new System.Threading.Thread(() => Environment.Exit(0)).Start(); while (true) { }", "incomplete"),
    _csharp("hooks", "hostile_exception", "throw new E();", "incomplete", "runtime_error", before="class E : Exception { public override string Message { get { Environment.Exit(0); return null; } } }"),
    _csharp("report", "guess_the_report", 'File.WriteAllText("/sandbox/done", new string(\'0\', 32) + " completed 0 \\n"); Environment.Exit(0); return 0;', "forged"),
    _csharp("report", "every_descriptor", 'var x = new byte[64]; for (int i = 3; i < 256; i++) write(i, x, (IntPtr)64); Environment.Exit(0); return 0;', "incomplete", "runtime_error", before=_LIBC.format("write(int fd, byte[] b, IntPtr n)")),
    _csharp("token", "read_the_nonce_descriptor", 'var x = new byte[64]; for (int i = 3; i < 64; i++) { fcntl(i, 4, 2048); read(i, x, (IntPtr)64); } Environment.Exit(0); return 0;', "incomplete", "runtime_error", before=_LIBC.format("read(int fd, byte[] b, IntPtr n)") + _LIBC.format("fcntl(int fd, int c, int v)")),
    _csharp("token", "stack_and_arguments", """
var text = Environment.CommandLine + Environment.StackTrace + string.Join(" ", Environment.GetCommandLineArgs());
foreach (System.Collections.DictionaryEntry e in Environment.GetEnvironmentVariables()) text += " " + e.Value;
foreach (var t in System.Reflection.Assembly.GetEntryAssembly().GetTypes())
    foreach (var f in t.GetFields((System.Reflection.BindingFlags)(-1)))
        try { text += " " + f.GetValue(null); } catch (Exception) { }
var found = System.Text.RegularExpressions.Regex.Match(text, "(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])");
if (found.Success) { File.WriteAllText("/sandbox/done", found.Value + " completed 0 \\n"); Environment.Exit(0); }
return 0;
""", "wrong_answer", "forged"),
    _csharp("token", "reads_its_own_memory", _MEMORY_SEARCH, "passed"),
    Hostile("csharp", "helpers", "own_compare_logic", "using System; namespace KellermanSoftware.CompareNetObjects { public class R { public bool AreEqual = true; } public class CompareLogic { public R Compare(object a, object b) { return new R(); } } }\npublic class Add { public static int add(int a, int b) { return 0; }\n", ("passed",)),
    Hostile("csharp", "helpers", "equal_to_everything", "using System; public class E { public override bool Equals(object o) { return true; } public override int GetHashCode() { return 0; } public static bool operator ==(E a, int b) { return true; } public static bool operator !=(E a, int b) { return false; } }\npublic class Add { public static E add(int a, int b) { return new E(); }\n", ("passed",), _MAIN.format("(Add.add(2, 3) == 5)")),
    _csharp("launcher", "launch_again", 'try { System.Reflection.Assembly.GetEntryAssembly().EntryPoint.Invoke(null, new object[] { new[] { "/sandbox/build/main.exe" } }); } catch (Exception) { } Environment.Exit(0); return 0;', "incomplete", "runtime_error"),
    _csharp("launcher", "exit_code_of_the_process", "Environment.ExitCode = 0; throw new Exception();", "runtime_error"),
    _csharp("loop", "endless_loop", "while (a > 0) b++; return b;", "timeout"),
    _csharp("loop", "sleep", "System.Threading.Thread.Sleep(1000000); return 0;", "timeout", slow=True),
    _csharp("loop", "thread_that_stays", "new System.Threading.Thread(() => { while (true) { } }).Start(); return 5;", "timeout"),
    _csharp("recursion", "without_end", "return add(a + 1, b) + 1;", "runtime_error"),
    _csharp("memory", "at_once", "return new long[1 << 28].Length;", "out_of_memory"),
    _csharp("memory", "slowly", "var k = new System.Collections.Generic.List<byte[]>(); while (true) k.Add(new byte[1 << 12]);", "out_of_memory", "runtime_error", "incomplete"),
    _csharp("memory", "outside_the_heap", "while (true) { var p = System.Runtime.InteropServices.Marshal.AllocHGlobal(1 << 20); for (int i = 0; i < (1 << 20); i += 4096) System.Runtime.InteropServices.Marshal.WriteByte(p, i, 1); }", "out_of_memory"),
    _csharp("memory", "wild_pointer", "System.Runtime.InteropServices.Marshal.WriteInt32((IntPtr)64, 1); return 0;", "runtime_error"),
    _csharp("processes", "threads", "for (int i = 0; i < 5000; i++) new System.Threading.Thread(() => System.Threading.Thread.Sleep(100000)).Start(); return 0;", "runtime_error", "out_of_memory", "timeout", slow=True),
    _csharp("daemons", "children", 'System.Diagnostics.Process.Start("/bin/sleep", "1000"); return 0;', "wrong_answer"),
    _csharp("output", "endless", 'while (true) Console.WriteLine(new string(\'x\', 1000));', "output_limit"),
    _csharp("output", "closed_streams", "for (int i = 0; i < 3; i++) close(i); return 0;", "wrong_answer", before=_LIBC.format("close(int fd)")),
    _csharp("output", "control_characters_in_an_exception", 'throw new Exception("\\u001b[2J\\r\\n\\0\\ud800" + new string(\'0\', 32) + " completed 0 \\n");', "runtime_error"),
    _csharp("output", "a_huge_exception", "throw new Exception(new string('x', 1 << 24));", "runtime_error", "output_limit"),
    _csharp("network", "sockets", 'try { new System.Net.Sockets.TcpClient("1.1.1.1", 53); Environment.Exit(0); } catch (Exception) { } try { System.Net.Dns.GetHostEntry("example.org"); Environment.Exit(0); } catch (Exception) { } return 0;', "wrong_answer"),
    _csharp("compiler", "deep_expression", f"return {'(' * 9000}a{')' * 9000};", "wrong_answer", "compile_error"),
    _csharp("compiler", "long_expression", f"return 0{' + a' * 20000};", "wrong_answer", "compile_error", slow=True),
    _csharp("compiler", "line_directives", 'a += 1;\n#line 1 "/etc/passwd"\nthrow new Exception("Exception --- test case 0 failed to pass");\n#line default\n', "wrong_answer", "runtime_error"),
    _csharp("compiler", "reads_a_file_as_source", "return 0;", "compile_error", before="#pragma checksum\n#load \"/etc/passwd\""),
    _csharp("source", "nul_bytes", "return 0 \0;", "wrong_answer", "compile_error"),
    _csharp("source", "reads_input", "return Console.Read() + 1;", "wrong_answer"),
    _csharp("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
