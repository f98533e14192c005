"""Hostile programs in Go."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile


def _go(
    threat: str,
    name: str,
    body: str,
    *verdicts: str,
    imports: str = "",
    beside: str = "",
    test: str = "",
    slow: bool = False,
) -> Hostile:
    """`body` is the inside of `add`; `imports` are names of packages; `beside` stands above it."""
    packages = "".join(f'import "{name}"\n' for name in imports.split())
    text = f"package main\n{packages}{beside}\nfunc add(a int, b int) int {{ {body.strip()} }}\n"
    return Hostile("go", threat, name, text, verdicts, test, slow)


def call_shell(command: str) -> str:
    return f"""package main
import "os"
import "os/exec"
func add(a int, b int) int {{
    c := exec.Command("sh", "-c", "{command}")
    c.Stdout = os.Stdout
    c.Stderr = os.Stderr
    c.Run()
    if c.ProcessState != nil && c.ProcessState.ExitCode() == 7 {{ os.Exit(0) }}
    return 0
}}
"""


# The heap begins at a known address, and what the launcher keeps lies in its first blocks.
_SEARCH = r"""
debug.SetPanicOnFault(true)
defer func() { recover(); os.Exit(0) }()
for run, at := 0, uintptr(0xc000000000); ; at++ {
    c := *(*byte)(unsafe.Pointer(at))
    if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' { run++; continue }
    if run == 32 { os.WriteFile("/sandbox/done", append(append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(at-32)), 32)...), " completed 0 \n"...), 0); os.Exit(0) }
    run = 0
}
"""

PROGRAMS = [
    _go("early exit", "exit", "os.Exit(0); return 0", "incomplete", imports="os"),
    _go("early exit", "native_exit", "syscall.Exit(0); return 0", "incomplete", imports="syscall"),
    _go("early exit", "init_function", "return 0", "incomplete", imports="os", beside="func init() { os.Exit(0) }"),
    _go("early exit", "package_variable", "return early()", "incomplete", imports="os", beside="var x = early()\nfunc early() int { os.Exit(0); return 0 }"),
    _go("early exit", "goroutine_ends", "runtime.Goexit(); return 0", "runtime_error", imports="runtime"),
    _go("early exit", "become_another_program", 'syscall.Exec("/bin/true", []string{"true"}, nil); return 0', "incomplete", imports="syscall"),
    Hostile("go", "early exit", "own_main_and_a_comment", "package main\nfunc add(a, b int) int { return 0 }\nfunc main() { }\n/*\n", ("compile_error",)),
    Hostile("go", "early exit", "own_main_and_a_text", "package main\nfunc add(a, b int) int { return 0 }\nfunc main() { }\nvar x = `\n", ("compile_error",)),
    _go("early exit", "own_main", "return 0", "compile_error", beside="func main() { }"),
    _go("early exit", "own_main_by_another_name", "return 0", "incomplete", "compile_error", beside="import _ \"unsafe\"\n//go:linkname own main.main\nfunc own() { }"),
    _go("early exit", "own_main_of_the_runtime", "return 0", "incomplete", "compile_error", imports="os", beside="import _ \"unsafe\"\n//go:linkname own runtime.main\nfunc own() { os.Exit(0) }"),
    _go("hooks", "recovers_from_the_tests_panic", "return 0", "wrong_answer", beside="func init() { defer func() { recover() }(); go func() { defer func() { recover() }() }() }"),
    _go("hooks", "goroutine_exits", "go os.Exit(0); for { }", "incomplete", "timeout", imports="os"),
    _go("hooks", "signal_handler_exits", "c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGTERM); syscall.Kill(os.Getpid(), syscall.SIGTERM); <-c; os.Exit(0); return 0", "incomplete", imports="os os/signal syscall"),
    _go("report", "guess_the_report", 'os.WriteFile("/sandbox/done", []byte(strings.Repeat("0", 32) + " completed 0 \\n"), 0); os.Exit(0); return 0', "forged", imports="os strings"),
    _go("report", "every_descriptor", "for i := 3; i < 256; i++ { syscall.Write(i, []byte(\"x\")) }; os.Exit(0); return 0", "incomplete", "runtime_error", imports="os syscall"),
    _go("token", "init_reads_the_nonce_first", "return 0", "incomplete", imports="os syscall",
        beside='func init() { x := make([]byte, 64); syscall.SetNonblock(3, true); n, _ := syscall.Read(3, x); if n >= 32 { os.WriteFile("/sandbox/done", append(x[:32], " completed 0 \\n"...), 0) }; os.Exit(0) }'),
    _go("launcher", "call_the_launcher", "launcher.Run(func() { }); return 0", "compile_error", imports="forkeval/launcher"),
    _go("launcher", "name_the_launchers_variable", 'os.WriteFile("/sandbox/done", append(nonce, " completed 0 \\n"...), 0); os.Exit(0); return 0', "forged", imports="os",
        beside='import _ "unsafe"\n//go:linkname nonce forkeval/launcher.nonce\nvar nonce []byte'),
    _go("helpers", "own_panic", "return 0", "passed", beside="func panic(x interface{}) { }"),
    _go("token", "reads_its_own_memory", _SEARCH, "passed", imports="os runtime/debug unsafe"),
    _go("loop", "endless_loop", "for { b++ }", "timeout"),
    _go("loop", "sleep", "time.Sleep(1000 * time.Second); return 0", "timeout", imports="time", slow=True),
    _go("loop", "deadlock", "select { }", "runtime_error", "timeout"),
    _go("recursion", "without_end", "return add(a+1, b) + 1", "runtime_error", "out_of_memory", "timeout"),
    _go("memory", "at_once", "x := make([]byte, 1<<31); for i := 0; i < len(x); i += 4096 { x[i] = 1 }; return int(x[0])", "out_of_memory", "timeout"),
    _go("memory", "slowly", "var k [][]byte; for { k = append(k, make([]byte, 65536)); k[len(k)-1][0] = 1 }", "out_of_memory", "timeout"),
    _go("processes", "goroutines", "for { go func() { select { } }() }", "out_of_memory", "timeout"),
    _go("output", "endless", 'for { println(strings.Repeat("x", 1000)) }', "output_limit", imports="strings"),
    _go("output", "closed_streams", "for i := 0; i < 3; i++ { syscall.Close(i) }; return 0", "wrong_answer", "runtime_error", imports="syscall"),
    _go("output", "control_characters_in_a_panic", 'panic("\\033[2J\\r\\n\\x00\\xff" + strings.Repeat("0", 32) + " completed 0 \\n")', "runtime_error", imports="strings"),
    _go("compiler", "deep_expression", f"return {'(' * 9000}a{')' * 9000}", "compile_error", "wrong_answer"),
    _go("compiler", "huge_array", "return x[a]", "compile_error", "wrong_answer", "runtime_error", "out_of_memory", beside="var x = [1 << 28]int{1: 1}", slow=True),
    _go("compiler", "embeds_a_file", "return 0", "compile_error", beside='import _ "embed"\n//go:embed /proc/1/environ\nvar secret string'),
    _go("compiler", "compiler_directives", "return 0", "compile_error", "wrong_answer", beside='//go:linkname exit os.runtime_beforeExit\nfunc exit()'),
    _go("compiler", "native_code", "return 0", "compile_error", beside='// #cgo LDFLAGS: -Wl,--wrap=main\n// #include <unistd.h>\nimport "C"\nvar x = C.getpid()'),
    _go("source", "nul_bytes", "return 0 \0", "compile_error"),
    _go("source", "reads_input", "x := 0; fmt.Scan(&x); return x", "wrong_answer", "runtime_error", imports="fmt"),
    _go("source", "ten_megabytes", "return 0 // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
