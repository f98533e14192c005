"""Programs that attack their judge: what a forgery would try at the evidence `isolated`.

Judged by their language's self-test, as the others are. None may pass, and none may bring it about
that less evidence is asked for.
"""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile


def _python(threat: str, name: str, body: str, *verdicts: str, before: str = "") -> Hostile:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return Hostile("python", threat, name, f"{before}\ndef add(a, b):\n{lines}", verdicts)


# Takes over the conversation: `answer(id)` is what goes back for the first question.
_TAKE_OVER = """
import json, os
def frame(message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return len(data).to_bytes(4, "big") + data
def read(size):
    data = b""
    while len(data) < size: data += os.read(3, size - len(data))
    return data
def take_over(answer):
    os.write(3, frame(["ready"]))
    while True:
        question = json.loads(read(int.from_bytes(read(4), "big")))
        os.write(3, frame(answer(question[0])))
"""


def _answer(name: str, answer: str, *verdicts: str) -> Hostile:
    """`answer`: an expression over `number`, the question's."""
    before = f"{_TAKE_OVER}take_over(lambda number: {answer})"
    return _python("report", name, "return 0", *(verdicts or ("forged",)), before=before)


PYTHON = [
    _python("helpers", "equal_to_everything", "return E()", "runtime_error", before="class E:\n    def __eq__(self, other): return True"),
    _python("helpers", "number_equal_to_everything", "return E(0)", "wrong_answer", before="class E(int):\n    def __eq__(self, other): return True\n    def __index__(self): return 5\n    def __int__(self): return 5"),
    _python("helpers", "text_equal_to_everything", "return E('0')", "wrong_answer", before="class E(str):\n    def __eq__(self, other): return True\n    def __str__(self): return 5"),
    _python("helpers", "list_equal_to_everything", "return E()", "wrong_answer", before="class E(list):\n    def __eq__(self, other): return True\n    def __iter__(self): return iter([5])"),
    _python("helpers", "type_that_claims_to_be_plain", "return E()", "runtime_error", "wrong_answer", before="class M(type):\n    def __eq__(self, other): return True\n    def __hash__(self): return hash(int)\nclass E(metaclass=M):\n    def __eq__(self, other): return True"),
    _python("helpers", "numpy_scalar_equal_to_everything", "return E(0)", "wrong_answer", "runtime_error", before="import numpy\nclass E(numpy.int64):\n    def __eq__(self, other): return True"),
    _python("helpers", "patch_everything_there_is", "return 0", "wrong_answer", "runtime_error", "incomplete", before="import builtins, json, math\nfor name in dir(builtins):\n    if name.islower() and name not in ('exec', 'compile', 'getattr', 'setattr', 'print') and not name.startswith('_') and callable(getattr(builtins, name)) and not isinstance(getattr(builtins, name), type):\n        setattr(builtins, name, lambda *a, **k: True)\nmath.fabs = lambda x: 0"),
    _python("helpers", "own_assertion_error", "raise AssertionError", "runtime_error"),
    _python("helpers", "function_for_a_result", "return lambda *a: 5", "runtime_error"),
    _python("early exit", "exit_at_the_call", "exit(0)", "incomplete"),
    _python("early exit", "os_exit_at_the_call", "import os; os._exit(0)", "incomplete"),
    _python("early exit", "exit_at_import", "return 5", "incomplete", before="exit(0)"),
    _python("early exit", "exit_with_status_3", "import os; os._exit(3)", "runtime_error"),
    _python("early exit", "killed", "import os; os.kill(os.getpid(), 9)", "runtime_error"),
    _python("early exit", "hang_up", "import os; os.close(3)\nwhile True: pass", "incomplete"),
    _python("early exit", "shut_the_socket_down", "import socket\nsocket.socket(fileno=3).shutdown(2)\nreturn 5", "incomplete", "runtime_error"),
    _python("hooks", "hooks_at_the_end", "return 0", "wrong_answer", before="import atexit, os\natexit.register(os._exit, 0)"),
    _python("loop", "never_answers", "import time\ntime.sleep(100)", "timeout"),
    _python("loop", "half_an_answer", "import os, time\nos.write(3, b'\\0\\0\\1\\0[')\ntime.sleep(100)", "timeout"),
    _python("loop", "spins", "while True: pass", "timeout"),
    _python("report", "write_the_report", "open('/sandbox/done', 'w').write('0' * 32 + ' completed 0 \\n')\nreturn 5", "forged"),
    _python("report", "write_to_every_descriptor", "import os\nfor fd in range(1024):\n    try: os.write(fd, b'0' * 32 + b' completed 0 \\n')\n    except OSError: pass\nreturn 5", "forged"),
    _python("report", "answer_before_the_question", "return 5", "forged", before=_TAKE_OVER + "for _ in range(9): os.write(3, frame(['0' * 32, ['value', 5], [], []]))"),
    _python("report", "ready_and_answers_at_once", "return 0", "forged", before=_TAKE_OVER + "os.write(3, frame(['ready']) + frame(['0' * 32, ['value', 5], [], []]) * 3)"),
    _python("report", "greeting_of_the_judge", "return 5", "forged", before=_TAKE_OVER + "os.write(3, frame(['completed', 0, '']))"),
    _python("report", "unfit_by_the_program", "return 5", "forged", before=_TAKE_OVER + "os.write(3, frame(['unfit', 0, '']))"),
    _python("report", "greeting_of_noise", "return 5", "forged", before="import os\nos.write(3, os.urandom(4096))"),
    _python("report", "message_of_four_gigabytes", "return 5", "forged", before="import os\nos.write(3, b'\\xff\\xff\\xff\\xff')"),
    _python("report", "message_as_deep_as_it_is_long", "return 5", "forged", before=_TAKE_OVER + "import threading\ndata = frame(b'[' * 1000000)\nwhile data: data = data[os.write(3, data):]"),
    _python("report", "pickled_object", "return 5", "forged", before=_TAKE_OVER + "import pickle\nos.write(3, frame(pickle.dumps(print)))"),
    _answer("another_question", "['0' * 32, ['value', 5], [], []]"),
    _answer("answer_of_no_kind", "[number, ['unfit', ''], [], []]"),
    _answer("answer_without_a_value", "[number, ['value'], [], []]"),
    _answer("answer_that_is_an_object", "[number, ['value', {}], [], []]"),
    _answer("reference_to_nothing", "[number, ['value', [7]], [], []]"),
    _answer("reference_below_nothing", "[number, ['value', [-1]], [], []]"),
    _answer("reference_by_truth", "[number, ['value', [True]], [], [['list', []]]]"),
    _answer("tuple_that_holds_itself", "[number, ['value', [0]], [], [['tuple', [[0]]]]]"),
    _answer("tuple_before_its_parts", "[number, ['value', [0]], [], [['tuple', [[1]]], ['tuple', []]]]"),
    _answer("tuples_too_deep", "[number, ['value', [9999]], [], [['tuple', []]] + [['tuple', [[i]]] for i in range(9999)]]"),
    _answer("set_of_lists", "[number, ['value', [0]], [], [['set', [[1]]], ['list', []]]]"),
    _answer("kind_unknown", "[number, ['value', [0]], [], [['builtins.eval', '5']]]"),
    _answer("kind_of_the_operating_system", "[number, ['value', [0]], [], [['os.system', 'true']]]"),
    _answer("kind_that_is_a_list", "[number, ['value', [0]], [], [[[], []]]]"),
    _answer("type_outside_the_table", "[number, ['value', [0]], [], [['type', 'eval']]]"),
    _answer("factory_outside_the_table", "[number, ['value', [0]], [], [['defaultdict', ['eval']]]]"),
    _answer("array_of_objects", "[number, ['value', [0]], [], [['numpy.ndarray', ['O', [1], '00' * 8]]]]"),
    _answer("array_larger_than_its_data", "[number, ['value', [0]], [], [['numpy.ndarray', ['<f8', [1 << 40], '00' * 8]]]]"),
    _answer("change_of_nothing", "[number, ['value', 5], [[0, []]], []]"),
    _answer("change_by_text", "[number, ['value', 5], [['0', []]], []]"),
    _answer("exception_of_no_name", "[number, ['raised', [], '', 0, []], [], []]"),
    _answer("exception_of_an_odd_name", "[number, ['raised', ['a\\0b'], '', 0, []], [], []]"),
    _answer("exception_of_a_long_name", "[number, ['raised', ['a' * 100000], 'x' * 100000, 0, []], [], []]", "runtime_error"),
    _answer("exception_that_ends_the_judge", "[number, ['raised', ['SystemExit', 'BaseException'], '', 0, [0]], [], []]", "runtime_error"),
    _answer("exception_of_the_test", "[number, ['raised', ['AssertionError', 'Exception'], '', 99, []], [], []]", "wrong_answer"),
    _answer("unfit_exception", "[number, ['raised', ['NotPlainError', 'Exception'], '', 1, []], [], []]", "runtime_error"),
    _answer("unfit_exception_arguments", "[number, ['raised', ['OSError', 'Exception'], '', 1, [[5], [6]]], [], []]"),
    _python("memory", "huge_result", "return 'x' * (100 << 20)", "runtime_error", "out_of_memory"),
    _python("memory", "many_small_parts", "return [[] for _ in range(3000000)]", "runtime_error", "out_of_memory", "timeout"),
    _python("recursion", "deep_result", "found = []\nfor _ in range(100000): found = [found]\nreturn found", "runtime_error"),
    _python("recursion", "result_that_holds_itself", "found = []\nfound.append(found)\nreturn found", "wrong_answer"),
    _python("output", "endless_output", "while True: print('x' * 10000)", "output_limit"),
    _python("token", "descriptors_and_memory_of_others", """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid(): continue
    for name in ("mem", "environ", "maps", "fd/0", "fd/1", "fd/3", "fd/4", "cwd/test", "root/sandbox/judge/test"):
        try: os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
        except OSError: continue
        return 5
return 0
""", "wrong_answer"),
    _python("token", "the_test_on_disk", """
import os
for path in ("/sandbox/judge", "/sandbox/judge/test", "/sandbox/judge/prompt", "../judge/test", "/sandbox"):
    for how in (os.listdir, open):
        try: how(path)
        except OSError: continue
        return 5
return 0
""", "wrong_answer"),
    _python("token", "the_test_in_arguments", """
import glob
said = b"".join(open(name, "rb").read() for name in glob.glob("/proc/[0-9]*/cmdline"))
return 5 if b"candidate" in said or b"assert" in said else 0
""", "wrong_answer"),
    _python("token", "the_test_in_frames_and_objects", """
import gc, sys
texts = set()
frame = sys._getframe()
while frame:
    texts.update(map(str, [*frame.f_locals.values(), *frame.f_globals.values(), frame.f_code.co_consts])); frame = frame.f_back
for thing in gc.get_objects(): texts.update(x for x in gc.get_referents(thing) if isinstance(x, str))
return 5 if any("assert candidate" + chr(40) in text for text in texts) else 0
""", "wrong_answer"),
    _python("signals", "signal_the_judge", """
import os, signal
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid == os.getpid(): continue
    for number in (0, signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(pid, number)
        except PermissionError: continue
        return 5
return 0
""", "wrong_answer"),
    _python("tracing", "trace_the_judge", """
import ctypes, os
libc = ctypes.CDLL(None)
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0: return 5
return 0
""", "wrong_answer"),
    _python("files", "modules_for_the_judge", "import numpy\nreturn numpy.int64(0)", "wrong_answer", before="""
import numpy
for folder in (".", "/tmp", "/dev/shm", "/sandbox/judge", "/sandbox"):
    for name in ("numpy", "json", "traceback", "isolated_codec"):
        try: open(f"{folder}/{name}.py", "w").write("import os; os._exit(0)")
        except OSError: pass
"""),
    _python("processes", "another_process_answers", "return 0", "wrong_answer", before="import os\nif os.fork(): os._exit(0)"),
    _python("processes", "the_first_answer_of_many_processes", "import os\nfor _ in range(4): os.fork()\nreturn os.getpid() % 2", "wrong_answer", "forged"),
    _python("network", "send_descriptors", "import socket\nsocket.send_fds(socket.socket(fileno=3), [b'x' * 64], [0, 1, 2] * 50)\nreturn 5", "forged"),
]  # fmt: skip

PROGRAMS = [*PYTHON]
