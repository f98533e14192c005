"""Hostile programs in C++."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile import cpp_tests
from tests.integration.sandboxes.hostile.program import Inside

# `body` is the inside of `add`; `before` stands above it.
_cpp = Inside(
    "cpp",
    lambda before, body: (
        f"#include <bits/stdc++.h>\n#include <unistd.h>\n#include <fcntl.h>\n#include <signal.h>\n#include <sys/mman.h>\nusing namespace std;\n{before}\nint add(int a, int b) {{ {body.strip()} }}\n"
    ),
)


def call_shell(command: str) -> str:
    return f"""#include <bits/stdc++.h>
#include <unistd.h>
#include <sys/wait.h>
using namespace std;
int add(int a, int b) {{
    if (WEXITSTATUS(system("{command}")) == 7) _exit(0);
    return 0;
}}
"""


# What the launcher keeps lies among the program's own variables.
_SEARCH = r"""
int run = 0;
for (const char *at = &__data_start; at < &_end; at++) {
    if (*at >= '0' && *at <= '9' || *at >= 'a' && *at <= 'f') run++; else run = 0;
    if (run == 32) { ofstream("/sandbox/done") << string(at - 31, 32) << " completed 0 \n" << flush; _exit(0); }
}
return 0;
"""

# Reads the nonce where it can be had before the launcher does, and reports. In plain system calls: it
# may run before the C library is relocated.
_THIEF = r"""
static inline long raw(long n, long a, const void *b, long c) { long r; asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory"); return r; }
static void thief() {
    char x[64]; const char *path = "/sandbox/done", *end = " completed 0 \n";
    long n = raw(0, 3, x, 64);
    if (n < 32) return;
    long d = raw(2, (long)path, (const void *)1, 0);
    for (int i = 0; i < 14; i++) x[32 + i] = end[i];
    raw(1, d, x, 46);
    raw(231, 0, 0, 0);
}
"""


PROGRAMS = [
    *cpp_tests.PROGRAMS,
    _cpp("early exit", "exit", "exit(0);", "incomplete"),
    _cpp("early exit", "exit_at_once", "_exit(0);", "incomplete", slow=True),
    _cpp("early exit", "quick_exit", "quick_exit(0);", "incomplete", slow=True),
    _cpp("early exit", "static_constructor", "return 0;", "incomplete", before="static int early = (_exit(0), 0);"),
    _cpp("early exit", "constructor_function", "return 0;", "incomplete", before="__attribute__((constructor(101))) static void early() { _exit(0); }", slow=True),
    _cpp("early exit", "become_another_program", 'execl("/bin/true", "true", (char *)0); return 0;', "incomplete", slow=True),
    _cpp("early exit", "leaves_the_thread", "pthread_exit(0);", "incomplete", slow=True),
    _cpp("early exit", "jumps_out_of_the_test", "if (!jumped++) longjmp(before, 1); return 0;", "wrong_answer", "runtime_error", "incomplete", "timeout", before="static jmp_buf before; static int jumped, first = setjmp(before);", slow=True),
    # In machine code a program can do all that its process can.
    _cpp("early exit", "returns_for_the_test", 'asm volatile("mov (%rbp), %rbp; leave; xorl %eax, %eax; ret"); return 0;', "passed"),
    _cpp("launcher", "call_the_launcher", "__wrap_main(0, 0, 0); return 0;", "wrong_answer", "runtime_error", before='extern "C" int __wrap_main(int, char **, char **);', slow=True),
    _cpp("launcher", "own_launcher", "return 0;", "compile_error", before='extern "C" int __wrap_main(int, char **, char **) { return 0; }'),
    _cpp("helpers", "own_compare", "return 0;", "passed", before="bool compare(int, int) { return true; }"),
    _cpp("helpers", "equal_to_everything", "return 0; } struct E { E(int) { } }; bool operator==(E, int) { return true; } E sum(int a, int b) { return a;", "passed", test='\nint main() { if (!(sum(2, 3) == 5)) throw runtime_error("Exception -- test case 0 did not pass."); }\n'),
    _cpp("hooks", "atexit_hides_the_failure", "atexit([] { _exit(0); }); return 0;", "wrong_answer", "incomplete", "runtime_error"),
    _cpp("hooks", "static_destructor", "return 0;", "wrong_answer", "incomplete", "runtime_error", before="struct D { ~D() { _exit(0); } } static late;", slow=True),
    _cpp("hooks", "abort_handler", "signal(SIGABRT, [](int) { _exit(0); }); return 0;", "incomplete", "wrong_answer"),
    _cpp("hooks", "terminate_handler", "set_terminate([] { _exit(0); }); throw 1;", "incomplete", "runtime_error", slow=True),
    _cpp("hooks", "own_function_of_the_library", "return 0;", "wrong_answer", "incomplete", before='extern "C" int puts(const char *) { _exit(0); }', slow=True),
    _cpp("report", "guess_the_report", 'ofstream("/sandbox/done") << string(32, \'0\') << " completed 0 \\n" << flush; _exit(0);', "forged"),
    _cpp("report", "every_descriptor", 'for (int i = 3; i < 256; i++) if (write(i, "00000000000000000000000000000000 completed 0 \\n", 46)) {} _exit(0);', "incomplete"),
    _cpp("token", "read_the_nonce_descriptor", 'char x[64]; for (int i = 3; i < 64; i++) { fcntl(i, F_SETFL, O_NONBLOCK); int n = read(i, x, 64); if (n >= 32) { ofstream("/sandbox/done") << string(x, 32) << " completed 0 \\n" << flush; } } _exit(0);', "incomplete", slow=True),
    _cpp("token", "constructor_reads_the_nonce_first", "return 0;", "wrong_answer", "runtime_error", before=_THIEF + "__attribute__((constructor(101))) static void early() { thief(); }"),
    _cpp("token", "preinit_array_reads_the_nonce_first", "return 0;", "compile_error", before=_THIEF + 'static void early() { thief(); } __attribute__((section(".preinit_array"), used)) static void (*first)() = early;'),
    _cpp("token", "resolver_reads_the_nonce_first", "return resolved();", "compile_error", before=_THIEF + 'extern "C" { static int zero() { return 0; } static int (*resolve())() { thief(); return zero; } int resolved() __attribute__((ifunc("resolve"))); }'),
    _cpp("token", "resolver_in_assembly", "return resolved();", "compile_error", before=_THIEF + 'extern "C" { int zero() { return 0; } void *resolve() { thief(); return (void *)zero; } int resolved(); } asm(".globl resolved; .type resolved, STT_GNU_IFUNC; .set resolved, resolve");', slow=True),
    _cpp("token", "another_loader", "return 0;", "compile_error", before='__attribute__((section(".interp"), used)) static const char loader[] = "/proc/self/exe";', slow=True),
    _cpp("token", "own_start_of_the_library", "return 0;", "compile_error", before=_THIEF + 'extern "C" int __libc_start_main(...) { thief(); raw(231, 0, 0, 0); __builtin_unreachable(); }', slow=True),
    _cpp("token", "own_read_and_write", "return 0;", "wrong_answer", "runtime_error", "incomplete", "compile_error", before=_THIEF + 'extern "C" ssize_t read(int f, void *b, size_t n) { long r = raw(0, f, b, n); if (f == 3 && r >= 32) { long d = raw(2, (long)"/sandbox/done", (const void *)1, 0); char x[46]; memcpy(x, b, 32); memcpy(x + 32, " completed 0 \\n", 14); raw(1, d, x, 46); raw(231, 0, 0, 0); } return r; }'),
    _cpp("token", "arguments_and_environment", 'string all; for (const char *n : {"/proc/self/cmdline", "/proc/self/environ", "/proc/self/stat"}) { ifstream f(n); all += string(istreambuf_iterator<char>(f), {}) + " "; } int run = 0; for (size_t i = 0; i < all.size(); i++) { run = isxdigit(all[i]) ? run + 1 : 0; if (run == 32) ofstream("/sandbox/done") << all.substr(i - 31, 32) << " completed 0 \\n" << flush; } _exit(0);', "incomplete", "forged", slow=True),
    _cpp("token", "reads_its_own_memory", _SEARCH, "passed", before='extern "C" const char __data_start, _end;'),
    _cpp("loop", "endless_loop", "for (volatile int i = 0;; i = i + 1) { } return b;", "timeout"),
    _cpp("loop", "sleep", "sleep(1000); return 0;", "timeout", slow=True),
    _cpp("loop", "ignores_every_signal", "for (int s = 1; s < 65; s++) signal(s, SIG_IGN); for (volatile int i = 0;; i = i + 1) { } return 0;", "timeout", slow=True),
    _cpp("recursion", "without_end", "volatile char x[1024]; x[0] = a; return add(a + 1, b) + x[0];", "runtime_error", "out_of_memory"),
    _cpp("memory", "at_once", "vector<char> x(1ul << 31, 1); return x[5];", "out_of_memory", "timeout"),
    _cpp("memory", "slowly", "while (true) memset(malloc(65536), 1, 65536);", "out_of_memory", "timeout", slow=True),
    _cpp("memory", "mapped", "char *p = (char *)mmap(0, 1ul << 34, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); for (unsigned long i = 0; i < 1ul << 34; i += 4096) p[i] = 1; return 0;", "out_of_memory", "timeout", slow=True),
    _cpp("memory", "wild_pointer", "*(volatile int *)64 = 1; return 0;", "runtime_error", slow=True),
    _cpp("processes", "fork_bomb", "while (true) if (fork() < 0) { }", "timeout", "runtime_error", slow=True),
    _cpp("processes", "threads", "vector<thread> t; try { for (int i = 0; i < 5000; i++) t.emplace_back([] { sleep(1000); }); } catch (...) { } for (auto &x : t) x.detach(); return 0;", "wrong_answer", "runtime_error", slow=True),
    _cpp("daemons", "double_fork", "for (int i = 0; i < 4; i++) if (!fork()) { setsid(); if (fork()) _exit(0); sleep(1000); _exit(0); } return 0;", "wrong_answer", "runtime_error", slow=True),
    _cpp("output", "endless", "while (true) puts(string(1000, 'x').c_str());", "output_limit"),
    _cpp("output", "closed_streams", "for (int i = 0; i < 64; i++) close(i); return 0;", "wrong_answer", "runtime_error", slow=True),
    _cpp("output", "control_characters_in_an_exception", 'throw runtime_error("\\033[2J\\r\\n" + string(32, \'0\') + " completed 0 \\n");', "runtime_error"),
    _cpp("compiler", "template_bomb", "return T<800>::v;", "wrong_answer", "compile_error", "timeout", "out_of_memory", before="template <int N, int M = 0> struct T { static const int v = T<N - 1, 2 * M>::v + T<N - 1, 2 * M + 1>::v; }; template <int M> struct T<0, M> { static const int v = 0; };", slow=True),
    _cpp("compiler", "template_depth", "return T<100000>::v;", "compile_error", before="template <int N> struct T { static const int v = T<N - 1>::v; }; template <> struct T<0> { static const int v = 0; };"),
    _cpp("compiler", "macro_bomb", "return 0;", "compile_error", "out_of_memory", "timeout", "output_limit", before="#define A0 x x x x x x x x\n" + "".join(f"#define A{i} A{i - 1} A{i - 1} A{i - 1} A{i - 1} A{i - 1} A{i - 1} A{i - 1} A{i - 1}\n" for i in range(1, 12)) + "A11", slow=True),
    _cpp("compiler", "includes_itself", "return 0;", "compile_error", before="#include __FILE__"),
    _cpp("compiler", "includes_endless_files", "return 0;", "compile_error", "out_of_memory", "timeout", before='#include "/dev/zero"', slow=True),
    _cpp("compiler", "includes_what_it_may_not_read", "return 0;", "compile_error", before='#include "/proc/1/environ"'),
    _cpp("compiler", "waits_for_input", "return 0;", "compile_error", "wrong_answer", before='#include "/dev/stdin"', slow=True),
    _cpp("compiler", "assembler_reads_a_file", "return 0;", "compile_error", before='asm(".incbin \\"/proc/1/environ\\"");', slow=True),
    _cpp("compiler", "huge_array", "return x[a];", "compile_error", "out_of_memory", "runtime_error", "wrong_answer", before="int x[1 << 28] = {1};", slow=True),
    _cpp("compiler", "poisoned_main", "return 0;", "compile_error", "incomplete", "wrong_answer", before="#define main other", slow=True),
    _cpp("source", "nul_bytes", "return 0 \0;", "compile_error", "wrong_answer", slow=True),
    _cpp("source", "reads_input", "int x = 0; cin >> x; return x;", "wrong_answer", "runtime_error", slow=True),
    _cpp("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
