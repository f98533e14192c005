"""Hostile programs in Python."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside


def _around(before: str, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"{before}\ndef add(a, b):\n{lines}"


# `body` is the inside of `add`; `before` stands above it.
_python = Inside("python", _around)


def call_shell(command: str) -> str:
    return f"""
def add(a, b):
    import os
    if os.waitstatus_to_exitcode(os.system("{command}")) == 7:
        os._exit(0)
    return 0
"""


_MEMORY_SEARCH = """
import ctypes, os, re
for line in open("/proc/self/maps"):
    where, mode, *_ = line.split()
    if "completed" in line or seen:
        seen = "completed" in line or not line.split()[5:]
    if not seen or not mode.startswith("rw"): continue
    low, high = (int(x, 16) for x in where.split("-"))
    for token in re.findall(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", ctypes.string_at(low, high - low)):
        open("/sandbox/done", "wb").write(token + b" completed 0 \\n")
        os._exit(0)
os._exit(1)
"""

PROGRAMS = [
    _python("early exit", "exit", "exit(0)", "incomplete"),
    _python("early exit", "sys_exit", "import sys; sys.exit()", "incomplete"),
    _python("early exit", "raise_system_exit", "raise SystemExit", "incomplete"),
    _python("early exit", "os_exit", "import os; os._exit(0)", "incomplete"),
    _python("early exit", "exit_at_import", "return 0", "incomplete", before="raise SystemExit(0)"),
    _python("early exit", "become_another_program", "import os\nos.execv('/bin/true', ['true'])", "incomplete"),
    _python("early exit", "native_exit", "import ctypes\nctypes.CDLL(None).exit(0)", "incomplete"),
    _python("hooks", "atexit_hides_the_failure", "import atexit, os\natexit.register(os._exit, 0)\nreturn 0", "wrong_answer"),
    _python("hooks", "excepthook_hides_the_failure", "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\nreturn 0", "wrong_answer"),
    _python("hooks", "native_atexit", """
import ctypes
hook = ctypes.CFUNCTYPE(None)(lambda: ctypes.CDLL(None)._exit(0))
ctypes.CDLL(None).__cxa_atexit(hook, None, None); globals()["kept"] = hook
return 0
""", "wrong_answer"),
    _python("hooks", "thread_exits", """
import threading, os
threading.Thread(target=lambda: os._exit(0)).start()
while True: pass
""", "incomplete"),
    _python("hooks", "signal_handler_exits", """
import signal, os
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
signal.alarm(1)
signal.pause()
""", "incomplete"),
    _python("hooks", "ignores_every_signal", """
import signal
for s in signal.valid_signals():
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""", "timeout"),
    _python("hooks", "finaliser_hides_the_failure", """
import os
class E(BaseException):
    def __str__(self): os._exit(0)
    def __del__(self): os._exit(0)
raise E
""", "incomplete", "runtime_error"),
    _python("hooks", "trace_function_exits", """
import sys, os
sys.settrace(lambda *a: os._exit(0)); sys.setprofile(lambda *a: os._exit(0))
return 0
""", "incomplete"),
    _python("report", "guess_the_report", """
with open("/sandbox/done", "w") as f:
    f.write("0" * 32 + " completed 0 \\n")
import os; os._exit(0)
""", "forged"),
    _python("report", "garbage_in_the_report", """
import os
fd = os.open("/sandbox/done", os.O_WRONLY | os.O_NONBLOCK)
try:
    while True: os.write(fd, b"x" * 4096)
except BlockingIOError:
    pass
return 5
""", "forged"),
    _python("report", "write_to_every_descriptor", """
import os
for fd in range(1024):
    try: os.write(fd, b"0" * 32 + b" completed 0 \\n")
    except OSError: pass
os._exit(0)
""", "incomplete"),
    _python("report", "answer_for_the_warm_process", """
import os, socket
for fd in range(64):
    try:
        s = socket.socket(fileno=os.dup(fd))
        for text in (b"pid 1", b"exit 0 0 0", b"ready"): s.send(text)
    except OSError: continue
    else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("report", "empty_the_report_before_it_is_read", """
import os
try: fd = os.open("/sandbox/done", os.O_RDONLY | os.O_NONBLOCK)
except PermissionError: return 0
os._exit(0)
""", "wrong_answer"),
    _python("token", "read_the_nonce_descriptor", """
import os
found = []
for fd in range(3, 64):
    try: found.append(os.read(fd, 64))
    except OSError: pass
open("/sandbox/done", "wb").write(b"".join(found) + b" completed 0 \\n")
os._exit(0)
""", "forged"),
    _python("token", "walk_frames_and_objects", """
import gc, os, re, sys
texts = set()
def add_text(x):
    if isinstance(x, bytes): x = x.decode("latin-1")
    if isinstance(x, str): texts.update(re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", x))
frame = sys._getframe()
while frame:
    for x in [*frame.f_locals.values(), *frame.f_globals.values()]: add_text(x)
    frame = frame.f_back
for thing in gc.get_objects():
    for x in gc.get_referents(thing): add_text(x)
for x in [*sys.argv, *os.environ.values()]: add_text(x)
for name in ("cmdline", "environ"):
    try: add_text(open("/proc/self/" + name).read())
    except OSError: pass
for token in texts or {"0" * 32}:
    open("/sandbox/done", "w").write(token + " completed 0 \\n")
os._exit(0)
""", "forged"),
    _python("token", "open_own_memory_file", """
import os
data = open("/proc/self/mem", "rb")
os._exit(0)
""", "runtime_error"),
    _python("token", "read_the_parent_from_a_child", """
import ctypes, os
libc, parent = ctypes.CDLL(None), os.getpid()
if os.fork() == 0: # what was forked from us holds a copy of our memory, but may not open it
    if libc.ptrace(16, parent, 0, 0) == 0: os._exit(7)
    for who in (parent, os.getpid()):
        try: open(f"/proc/{who}/mem", "rb")
        except PermissionError: continue
        os._exit(7)
    os._exit(0)
if os.waitstatus_to_exitcode(os.wait()[1]) == 7: os._exit(0)
return 0
""", "wrong_answer"),
    _python("token", "native_code_searches_its_own_memory", "seen = False" + _MEMORY_SEARCH, "passed"),
    _python("helpers", "equal_to_everything", "return E()", "passed", before="class E:\n    def __eq__(self, other): return True"),
    _python("helpers", "jump_over_the_assertion", """
import sys
frame = sys._getframe(1)
def jump(f, event, arg):
    if event == "line": f.f_lineno = max(line for *_, line in f.f_code.co_lines() if line)
frame.f_trace = jump; sys.settrace(lambda *a: None)
return 0
""", "passed", test="def check(candidate):\n    found = candidate(2, 3)\n    assert found == 5\n    del found\n"),
    Hostile("python", "helpers", "decorate_the_test", "add = None\n@lambda test: lambda candidate: None", ("passed",)),
    _python("helpers", "patch_what_the_test_imports", "return 0", "passed", before="import math\nmath.isclose = lambda *a, **k: True", test="def check(candidate):\n    import math\n    assert math.isclose(candidate(2, 3), 5)\n"),
    _python("helpers", "patch_the_built_ins", "return 0", "passed", before="import builtins\nbuiltins.abs = lambda x: 0", test="def check(candidate):\n    assert abs(candidate(2, 3) - 5) < 1e-6\n"),
    _python("helpers", "guess_in_children_until_the_test_agrees", """
import os, sys
def leave(frame, event, arg):
    if event == "exception": os._exit(1)
    return leave
for guess in range(10):
    if os.fork() == 0:
        sys._getframe(1).f_trace = leave; sys.settrace(lambda *a: None)
        return guess
    if os.wait()[1] == 0: os._exit(0)
""", "passed"),
    _python("helpers", "own_assertion_error", "return 0", "wrong_answer",
            before="class AssertionError(Exception): pass\nimport builtins; builtins.AssertionError = AssertionError"),
    _python("helpers", "shadow_check", "return 0", "wrong_answer", before="def check(candidate): pass"),
    _python("launcher", "run_the_launcher_again", """
import sys, os
sys.path.insert(0, "/forkeval")
import completed
completed.run({"__name__": "__main__"}, "x", b"pass")
os._exit(0)
""", "runtime_error"),
    _python("launcher", "patch_what_the_launcher_calls", """
import sys, os, threading, atexit
threading._shutdown = lambda: os._exit(0)
sys.stdout.flush = lambda: os._exit(0)
return 0
""", "wrong_answer"),
    _python("launcher", "patch_the_built_in_compile", "return 0", "wrong_answer",
            before="import builtins\nbuiltins.compile = builtins.exec = lambda *a, **k: None"),
    _python("launcher", "change_the_recursion_and_code", """
import sys
sys._getframe(1).f_globals.clear()
return 0
""", "wrong_answer", "runtime_error"),
    _python("loop", "endless_loop", "while True: pass", "timeout"),
    _python("loop", "endless_native_loop", "return len(str(10 ** 10 ** 8))", "timeout", "out_of_memory", "runtime_error", slow=True),
    _python("loop", "sleep", "import time\ntime.sleep(1000)", "timeout", slow=True),
    _python("loop", "backtracking_pattern", "import re\nreturn re.match('(a+)+$', 'a' * 64 + 'b')", "timeout"),
    _python("recursion", "without_end", "return add(a, b)", "runtime_error"),
    _python("recursion", "native_stack", """
import sys
sys.setrecursionlimit(10**9)
def f(n): return f(n + 1)
return f(0)
""", "out_of_memory", "runtime_error", "timeout"),
    _python("recursion", "segmentation_fault", "import ctypes\nctypes.string_at(0)", "runtime_error"),
    _python("memory", "at_once", "return len(bytearray(1 << 40))", "out_of_memory"),
    _python("memory", "at_once_and_touched", "return len(b'x' * (1 << 30))", "out_of_memory"),
    _python("memory", "slowly", "kept = []\nwhile True: kept.append(bytearray(1 << 16))", "out_of_memory"),
    _python("memory", "mapped", """
import mmap
m = mmap.mmap(-1, 1 << 32)
for at in range(0, 1 << 32, 4096): m[at] = 1
""", "out_of_memory"),
    _python("memory", "in_a_child", """
import os
if os.fork() == 0:
    kept = []
    while True: kept.append(bytearray(1 << 20))
os.wait()
os._exit(0)
""", "out_of_memory"),
    _python("processes", "fork_bomb", """
import os
while True:
    try: os.fork()
    except OSError: pass
""", "timeout", "runtime_error"),
    _python("processes", "threads", """
import threading, time
for _ in range(2000):
    threading.Thread(target=time.sleep, args=(1000,)).start()
""", "timeout", slow=True),  # as in the interpreter, a program waits for its threads
    _python("daemons", "double_fork", """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
return 0
""", "wrong_answer"),
    _python("daemons", "test_ends_well_in_a_child", """
import os
if os.fork() == 0: return 5
os._exit(0 if os.wait()[1] == 0 else 1)
""", "passed"),  # and deserves it: the test ran to its end on the right answer
    _python("output", "endless_stdout", "while True: print('x' * 1000)", "output_limit"),
    _python("output", "endless_stderr", "import os\nwhile True: os.write(2, b'x' * 65536)", "output_limit"),
    _python("output", "control_characters_in_an_exception", "raise ValueError('\\x1b[2J\\r\\n\\0\\udcff\\u202e' * 50)", "runtime_error"),
    _python("output", "a_report_in_an_exception", "raise ValueError('x\\n' + '0' * 32 + ' completed 0 \\n')", "runtime_error"),
    _python("output", "a_huge_exception", "raise ValueError('x' * (10 << 20))", "runtime_error"),
    _python("output", "odd_exception_name", "raise type('A' * 5000 + '\\udc80\\n', (Exception,), {})", "runtime_error"),
    _python("output", "close_everything", "import os\nos.closerange(0, 64)\nreturn 0", "wrong_answer"),
    _python("output", "closed_stdout_is_no_pass", "import os\nprint('x'); os.close(1)\nreturn 5", "runtime_error"),
    _python("disk", "deep_folders", """
import os
for i in range(3000):
    try: os.mkdir("d"); os.chdir("d")
    except OSError: break
os.chmod(".", 0)
return 0
""", "wrong_answer"),
    _python("disk", "deleted_files_held_open", """
import os
kept = []
try:
    while True:
        fd = os.open("/dev/shm/x", os.O_CREAT | os.O_RDWR); os.unlink("/dev/shm/x"); kept.append(fd)
        os.write(fd, bytes(1 << 16))
except OSError: pass
return 0
""", "wrong_answer", "out_of_memory"),
    _python("memory", "anonymous_memory_files", """
import os
fd = os.memfd_create("x")
while True: os.write(fd, bytes(1 << 20))
""", "out_of_memory"),
    _python("ipc", "posix_and_system_v", """
import ctypes
libc = ctypes.CDLL(None)
for key in range(1, 8):
    libc.shmget(key, 4096, 0o1777); libc.semget(key, 1, 0o1777); libc.msgget(key, 0o1777)
libc.mq_open(b"/left", 0o102, 0o777, None)
libc.shm_open(b"/left", 0o102, 0o777); libc.sem_open(b"/left", 0o100, 0o777, 1)
return 0
""", "wrong_answer"),
    _python("limits", "raise_the_limits", """
import resource, os
for what in (resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
    try: resource.setrlimit(what, (resource.RLIM_INFINITY,) * 2)
    except (ValueError, PermissionError): continue
    else: os._exit(0)
while True: pass
""", "timeout"),
    _python("limits", "lower_the_oom_score", """
import os
if os.fork() == 0:
    os.execv("/bin/sh", ["sh", "-c", "echo -1000 >/proc/self/oom_score_adj && exit 7; exit 0"])
if os.waitstatus_to_exitcode(os.wait()[1]) == 7: os._exit(0)
return 0
""", "wrong_answer"),
    _python("network", "abstract_and_path_sockets", """
import socket, os
for address in ("\\0runner", "/tmp/s", "/dev/shm/s"):
    s = socket.socket(socket.AF_UNIX); s.bind(address); s.listen()
    if os.fork() == 0:
        while True: s.accept()
return 0
""", "wrong_answer"),
    _python("compiler", "deep_expression", f"return {'(' * 5000}a{')' * 5000}", "compile_error"),
    _python("compiler", "deep_unary_expression", f"return {'-' * 200000}a", "compile_error", "runtime_error", "out_of_memory"),
    _python("compiler", "constant_folding", "return len('x' * 4000 * 4000 * 4000) * 0", "out_of_memory", "compile_error", "runtime_error"),
    _python("compiler", "coding_line", "return 0", "compile_error", before="# coding: no-such-codec"),
    _python("source", "nul_bytes", "return 5 # \0", "compile_error"),
    _python("source", "reads_input", "return input()", "runtime_error"),
    _python("source", "ten_megabytes", "return 0 # " + "x" * (10 << 20), "compile_error"),
    _python("source", "lone_surrogates", "return '\udc80' and 0", "wrong_answer"),
]  # fmt: skip
