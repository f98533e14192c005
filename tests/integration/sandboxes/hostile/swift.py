"""Hostile programs in Swift."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_swift = Inside(
    "swift",
    lambda before, body: (
        f"import Glibc\n{before}\nfunc add(a: Int, b: Int) -> Int {{\n{body.strip()}\n}}\n"
    ),
)


def call_shell(command: str) -> str:
    return f"""import Glibc
func add(a: Int, b: Int) -> Int {{
    var pid = pid_t()
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup("{command}"), nil]
    var status: Int32 = 0
    posix_spawn(&pid, "/bin/sh", nil, nil, &words, environ)
    waitpid(pid, &status, 0)
    if (status >> 8) & 255 == 7 {{ _exit(0) }}
    return 0
}}
"""


# What the launcher keeps lies among the program's own variables.
_SEARCH = r"""
let middle = Int(bitPattern: withUnsafePointer(to: &marker) { UnsafeRawPointer($0) })
var run = 0
for at in stride(from: middle - 2048, to: middle + 2048, by: 1) {
    let c = UnsafePointer<UInt8>(bitPattern: at)!.pointee
    run = (c >= 48 && c <= 57) || (c >= 97 && c <= 102) ? run + 1 : 0
    if run == 32 {
        let f = open("/sandbox/done", O_WRONLY)
        var text = Array(UnsafeBufferPointer(start: UnsafePointer<UInt8>(bitPattern: at - 31)!, count: 32))
        text += Array(" completed 0 \n".utf8)
        write(f, text, text.count)
        _exit(0)
    }
}
return 0
"""

PROGRAMS = [
    _swift("early exit", "exit", "exit(0)", "incomplete"),
    _swift("early exit", "exit_at_once", "_exit(0)", "incomplete", slow=True),
    _swift("early exit", "exit_at_the_top", "return 0", "incomplete", before="exit(0)"),
    Hostile("swift", "early exit", "comment_to_the_end", "func add(a: Int, b: Int) -> Int { return 0 }\n/*\n", ("compile_error",)),
    Hostile("swift", "early exit", "condition_to_the_end", "func add(a: Int, b: Int) -> Int { return 0 }\n#if false\n", ("compile_error",), slow=True),
    Hostile("swift", "early exit", "text_to_the_end", 'func add(a: Int, b: Int) -> Int { return 0 }\nlet x = """\n', ("compile_error",), slow=True),
    Hostile("swift", "early exit", "return_at_the_top_level", "func add(a: Int, b: Int) -> Int { return 0 }\nreturn\n", ("compile_error",)),
    Hostile("swift", "early exit", "own_main_structure", "func add(a: Int, b: Int) -> Int { return 0 }\n@main struct M { static func main() { } }\n", ("compile_error",), slow=True),
    Hostile("swift", "early exit", "own_main_symbol", 'func add(a: Int, b: Int) -> Int { return 0 }\n@_cdecl("main") func own() -> Int32 { return 0 }\n', ("compile_error", "incomplete", "wrong_answer")),
    Hostile("swift", "early exit", "own_main_silently", 'func add(a: Int, b: Int) -> Int { return 0 }\n@_silgen_name("main") func own() -> Int32 { return 0 }\n', ("compile_error", "incomplete", "wrong_answer")),
    _swift("early exit", "become_another_program", 'var words: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]\nexecv("/bin/true", &words)\nreturn 0', "incomplete", slow=True),
    _swift("launcher", "own_launcher", "return 0", "compile_error", before='@_cdecl("__wrap_main") public func own() -> Int32 { return 0 }', slow=True),
    _swift("launcher", "own_system_calls", "return 0", "wrong_answer", "runtime_error", "incomplete", before='@_cdecl("read") public func own(_ f: Int32, _ b: UnsafeMutableRawPointer, _ n: Int) -> Int { _exit(0) }', slow=True),
    _swift("helpers", "own_assert", "return 0", "passed", before="func assert(_ x: Bool, _ y: String) { }"),
    _swift("token", "read_the_nonce_descriptor", "var x = [UInt8](repeating: 0, count: 64)\n_exit(read(3, &x, 64) >= 32 ? 0 : 7)", "runtime_error", slow=True),
    _swift("token", "reads_its_own_memory", _SEARCH, "passed", before="var marker = 1"),
    _swift("hooks", "atexit_hides_the_failure", "atexit { _exit(0) }\nreturn 0", "wrong_answer", "runtime_error", "incomplete"),
    _swift("hooks", "trap_handler", "signal(SIGILL) { _ in _exit(0) }\nsignal(SIGTRAP) { _ in _exit(0) }\nreturn 0", "incomplete", "wrong_answer"),
    _swift("report", "guess_the_report", 'let f = open("/sandbox/done", O_WRONLY)\nlet t = String(repeating: "0", count: 32) + " completed 0 \\n"\nwrite(f, t, t.utf8.count)\n_exit(0)', "forged"),
    _swift("loop", "endless_loop", "var x = b\nwhile a > 0 { x &+= 1 }\nreturn x", "timeout"),
    _swift("loop", "sleep", "sleep(1000)\nreturn 0", "timeout", slow=True),
    _swift("recursion", "without_end", "return add(a: a &+ 1, b: b) &+ 1", "runtime_error", "timeout", slow=True),
    _swift("memory", "at_once", "return [Int](repeating: 1, count: 1 << 30)[a]", "out_of_memory", "timeout"),
    _swift("memory", "slowly", "while true { memset(malloc(65536), 1, 65536) }", "out_of_memory", "timeout", slow=True),
    _swift("memory", "wild_pointer", "return UnsafePointer<Int>(bitPattern: 64)!.pointee", "runtime_error", slow=True),
    _swift("output", "endless", 'while true { print(String(repeating: "x", count: 1000)) }', "output_limit"),
    _swift("compiler", "type_checker_bomb", "let x = 1 + 2.0 * Double(a) - 3 / 4.0 + [1, 2].map { $0 * 2 + 1 - 3 * $0 }.reduce(0) { $0 + $1 * 2 - 1 } + 1 - 2 * 3 + -4\nreturn x", "compile_error", "timeout", slow=True),
    _swift("compiler", "deep_expression", f"return {'(' * 2000}a{')' * 2000}", "compile_error", "wrong_answer", "runtime_error", slow=True),
    _swift("source", "nul_bytes", "return 0 \0", "compile_error", "wrong_answer", "runtime_error", slow=True),
    _swift("source", "reads_input", "return Int(readLine() ?? \"0\") ?? 0", "wrong_answer", "runtime_error", slow=True),
    _swift("source", "ten_megabytes", "return 0 // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
