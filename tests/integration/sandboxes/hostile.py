"""Programs that attack their sandbox or their verdict, with the verdicts that they may get.

Each is a completion for the task `add(a, b)`, judged by its language's own self-test. None may pass
and each must leave the sandbox, or its replacement, as good as before.
"""

# ruff: noqa: E501  # one program a line where it fits reads better than one split over three
from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hostile:
    name: str
    language: str
    completion: str
    verdicts: tuple[str, ...]


_FAILS = ("runtime_error", "incomplete", "forged")


def _python(name: str, body: str, *verdicts: str, before: str = "") -> Hostile:
    """`body` is the inside of `add`; `before` stands above it."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return Hostile(name, "python", f"{before}\ndef add(a, b):\n{lines}", verdicts)


PYTHON = [
    _python("exit", "exit(0)", "incomplete"),
    _python("sys_exit", "import sys; sys.exit()", "incomplete"),
    _python("raise_system_exit", "raise SystemExit", "incomplete"),
    _python("os_exit", "import os; os._exit(0)", "incomplete"),
    _python("exit_at_import", "return 0", "incomplete", before="raise SystemExit(0)"),
    _python(
        "atexit_hides_the_failure",
        "import atexit, os\natexit.register(os._exit, 0)\nreturn 0",
        "wrong_answer",
    ),
    _python(
        "excepthook_hides_the_failure",
        "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\nreturn 0",
        "wrong_answer",
    ),
    _python(
        "thread_exits",
        "import threading, os\nthreading.Thread(target=lambda: os._exit(0)).start()\n"
        "while True: pass",
        "incomplete",
    ),
    _python(
        "signal_handler_exits",
        "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
        "signal.alarm(1)\nsignal.pause()",
        "incomplete",
    ),
    _python("guess_the_report", """
with open("/sandbox/done", "w") as f:
    f.write("0" * 32 + " completed 0 \\n")
import os; os._exit(0)
""", "forged"),
    _python("garbage_in_the_report", """
import os
fd = os.open("/sandbox/done", os.O_WRONLY | os.O_NONBLOCK)
try:
    while True: os.write(fd, b"x" * 4096)
except BlockingIOError:
    pass
return 5
""", "forged"),
    _python("write_to_every_descriptor", """
import os
for fd in range(1024):
    try: os.write(fd, b"0" * 32 + b" completed 0 \\n")
    except OSError: pass
os._exit(0)
""", "incomplete"),
    _python("read_the_nonce_descriptor", """
import os
found = []
for fd in range(3, 64):
    try: found.append(os.read(fd, 64))
    except OSError: pass
open("/sandbox/done", "wb").write(b"".join(found) + b" completed 0 \\n")
os._exit(0)
""", "forged"),
    _python("walk_frames_and_objects", """
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
    _python("run_the_launcher_again", """
import sys, os
sys.path.insert(0, "/forkeval")
import completed
completed.run({"__name__": "__main__"}, "x", b"pass")
os._exit(0)
""", "runtime_error"),
    _python("read_own_memory_file", """
import os
data = open("/proc/self/mem", "rb")
os._exit(0)
""", *_FAILS),
    _python("signal_the_runner", """
import os, signal
for pid in [1, os.getppid()]:
    for s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGUSR1):
        try: os.kill(pid, s)
        except PermissionError: pass
        else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("kill_everything", "import os\nos.kill(-1, 9)\nreturn 0", "wrong_answer", "runtime_error"),
    _python("trace_the_runner", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid()):
    if libc.ptrace(16, pid, 0, 0) == 0: os._exit(0)
    for path in ("mem", "environ", "fd", "maps", "cwd", "root"):
        try: os.listdir(f"/proc/{pid}/{path}") if path == "fd" else open(f"/proc/{pid}/{path}").read(1)
        except OSError: continue
        else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("become_root", """
import os
for call in (os.setuid, os.setgid, os.seteuid):
    try: call(0)
    except PermissionError: pass
    else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("raise_the_limits", """
import resource, os
try: resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2)
except (ValueError, PermissionError): pass
else: os._exit(0)
while True: pass
""", "timeout"),
    _python("fork_bomb", """
import os
while True:
    try: os.fork()
    except OSError: pass
""", "timeout", "runtime_error"),
    _python("daemons_outlive", """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
return 0
""", "wrong_answer"),
    _python("child_holds_the_output", """
import os, time
if os.fork() == 0:
    time.sleep(1000)
return 0
""", "wrong_answer"),
    _python("threads", """
import threading, time
for _ in range(2000):
    threading.Thread(target=time.sleep, args=(1000,)).start()
""", "timeout"),  # as in the interpreter, a program waits for its threads
    _python("zombies", """
import os
while True:
    try: pid = os.fork()
    except OSError: break
    if pid == 0: os._exit(0)
return 0
""", "wrong_answer"),
    _python("endless_stdout", "while True: print('x' * 1000)", "output_limit"),
    _python("endless_stderr", "import os\nwhile True: os.write(2, b'x' * 65536)", "output_limit"),
    _python("sleep", "import time\ntime.sleep(1000)", "timeout"),
    _python("memory_at_once", "return len(bytearray(1 << 40))", "out_of_memory"),
    _python("memory_slowly", "kept = []\nwhile True: kept.append(bytearray(1 << 16))", "out_of_memory"),
    _python("memory_in_a_child", """
import os
if os.fork() == 0:
    kept = []
    while True: kept.append(bytearray(1 << 20))
os.wait()
os._exit(0)
""", "out_of_memory"),
    _python("fill_the_disk", """
for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
    try:
        with open(folder + "/fill", "wb") as f:
            while True: f.write(b"x" * (1 << 20))
    except OSError: pass
return 0
""", "wrong_answer", "out_of_memory"),
    _python("fill_the_inodes", """
import os
for folder in (".", "/tmp", "/dev/shm"):
    try:
        for i in range(1 << 20): os.mkdir(f"{folder}/d{i}", 0)
    except OSError: pass
return 0
""", "wrong_answer", "timeout"),
    _python("deep_folders", """
import os
for i in range(3000):
    try: os.mkdir("d"); os.chdir("d")
    except OSError: break
os.chmod(".", 0)
return 0
""", "wrong_answer"),
    _python("write_outside", """
import os
for path in ("/etc/x", "/forkeval/x", "/usr/x", "/sandbox/x", "/sandbox/build/x", "/x", "/run/x"):
    try: open(path, "w")
    except OSError: continue
    else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("links_in_the_work_directory", """
import os
os.symlink("/forkeval", "link")
os.symlink("/sandbox/done", "main.link")
os.mkdir("sub"); os.symlink("/", "sub/root")
return 0
""", "wrong_answer"),
    _python("ipc_left_behind", """
import ctypes
libc = ctypes.CDLL(None)
for key in range(1, 8):
    libc.shmget(key, 4096, 0o1777); libc.semget(key, 1, 0o1777); libc.msgget(key, 0o1777)
libc.mq_open(b"/left", 0o102, 0o777, None)
return 0
""", "wrong_answer"),
    _python("network", """
import socket, os
for family, address in ((socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET, ("10.0.0.1", 80)),
                        (socket.AF_INET6, ("2606:4700:4700::1111", 53))):
    try:
        s = socket.socket(family); s.settimeout(2); s.connect(address)
    except OSError: continue
    else: os._exit(0)
return 0
""", "wrong_answer"),
    _python("privileged_calls", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), lambda: libc.unshare(0x10000000),
             lambda: libc.chroot(b"/tmp"), lambda: libc.sethostname(b"x", 1), lambda: libc.reboot(0)):
    if call() == 0: os._exit(0)
return 0
""", "wrong_answer"),
    _python("close_everything", "import os\nos.closerange(0, 64)\nreturn 0", "wrong_answer"),
    _python("closed_stdout_is_no_pass", "import os\nprint('x'); os.close(1)\nreturn 5", "runtime_error"),
    _python("segmentation_fault", "import ctypes\nctypes.string_at(0)", "runtime_error"),
    _python("stack_overflow", """
import sys
sys.setrecursionlimit(10**9)
def f(n): return f(n + 1)
return f(0)
""", "out_of_memory", "runtime_error"),
    _python("nul_bytes", "return 5 # \0", "compile_error"),
    _python("reads_input", "return input()", "runtime_error"),
]  # fmt: skip


def _add(language: str, name: str, body: str, *verdicts: str) -> Hostile:
    if language == "java":
        text = f"class Add {{ static int add(int a, int b) {{ {body} }} }}\n"
    else:
        text = f"function add(a, b) {{ {body} }}\n"
    return Hostile(f"{language}_{name}", language, text, verdicts)


JAVASCRIPT = [
    _add("javascript", "exit", "process.exit(0)", "incomplete"),
    _add("javascript", "really_exit", "process.reallyExit(0)", "incomplete"),
    _add("javascript", "emit_then_exit", "process.emit('beforeExit', 0); process.exit(0)", "incomplete"),
    _add(
        "javascript",
        "emit_from_a_callback",
        "setTimeout(() => { process.emit('beforeExit', 0); process.exit(0); }, 0);"
        " require('fs').readSync; return new Proxy({}, {});",
        "wrong_answer",
    ),
    _add(
        "javascript",
        "swallow_the_failure",
        "process.on('uncaughtException', () => {}); return 0;",
        "wrong_answer",
        "incomplete",
    ),
    _add(
        "javascript",
        "swallow_and_exit_well",
        "process.removeAllListeners('uncaughtExceptionMonitor');"
        " process.on('uncaughtException', () => process.exit(0)); return 0;",
        "incomplete",
    ),
    _add(
        "javascript",
        "exit_hook_hides_the_failure",
        "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); }); return 0;",
        "wrong_answer",
    ),
    _add(
        "javascript",
        "forge_frames",
        "Error.prepareStackTrace = () => ''; const E = Error; globalThis.Error = class {};"
        " process.emit('beforeExit', 0); process.exit(0)",
        "incomplete",
    ),
    _add(
        "javascript",
        "guess_the_report",
        "require('fs').writeFileSync('/sandbox/done', '0'.repeat(32) + ' completed 0 \\n');"
        " process.exit(0)",
        "forged",
    ),
    _add(
        "javascript",
        "every_descriptor",
        "for (let fd = 0; fd < 64; fd++) try { require('fs').writeSync(fd, 'x') } catch {}"
        " process.exit(0)",
        "incomplete",
    ),
    _add(
        "javascript",
        "unhandled_rejection",
        "Promise.reject(new TypeError('later')); return 5;",
        "runtime_error",
    ),
    _add("javascript", "endless_output", "while (true) require('fs').writeSync(1, 'x'.repeat(1 << 16));", "output_limit"),
    _add("javascript", "endless_loop", "while (true);", "timeout"),
    _add("javascript", "never_idle", "setInterval(() => {}, 1000); return 5;", "timeout"),
    _add("javascript", "big_buffer", "const k = []; while (true) k.push(Buffer.alloc(1 << 24, 1));", "out_of_memory"),
    _add(
        "javascript",
        "children",
        "require('child_process').spawn('sleep', ['1000'], {detached: true}).unref(); return 0;",
        "wrong_answer",
    ),
]  # fmt: skip

JAVA = [
    _add("java", "exit", "System.exit(0); return 0;", "incomplete"),
    _add("java", "halt", "Runtime.getRuntime().halt(0); return 0;", "incomplete"),
    _add(
        "java",
        "exit_in_a_hook",
        "Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));"
        " return 0;",
        "wrong_answer",
    ),
    _add(
        "java",
        "launch_again",
        'try { Class.forName("Launcher").getMethod("main", String[].class)'
        ".invoke(null, (Object) new String[0]); } catch (Throwable t) { } System.exit(0); return 0;",
        "incomplete",
    ),
    _add(
        "java",
        "guess_the_report",
        'try (var f = new java.io.FileWriter("/sandbox/done")) {'
        ' f.write("0".repeat(32) + " completed 0 \\n"); } catch (Exception e) { }'
        " System.exit(0); return 0;",
        "forged",
    ),
    _add("java", "endless_loop", "while (a > 0) b++; return b;", "timeout"),
    _add("java", "endless_output", 'while (a > 0) System.out.println("x".repeat(1000)); return b;', "output_limit"),
    _add("java", "stack_overflow", "return add(a + 1, b);", "runtime_error"),
    _add(
        "java",
        "threads",
        "while (a > 0) new Thread(() -> { try { Thread.sleep(100000); } catch (Exception e) { } })"
        ".start(); return 0;",
        "out_of_memory",
        "runtime_error",
        "timeout",
    ),
    _add(
        "java",
        "children",
        'try { new ProcessBuilder("sleep", "1000").start(); } catch (Exception e) { } return 0;',
        "wrong_answer",
    ),
    Hostile("java_deep_expression", "java", "class Add { static int add(int a, int b) { return "
            + "(" * 9000 + "a" + ")" * 9000 + "; } }\n", ("compile_error",)),
]  # fmt: skip

ALL: list[Any] = [*PYTHON, *JAVASCRIPT, *JAVA]
