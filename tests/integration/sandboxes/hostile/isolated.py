"""Programs that attack their judge: what a forgery would try at the evidence `isolated`.

Judged by their language's self-test, as the others are. None may pass, and none may bring it about
that less evidence is asked for.
"""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

import dataclasses

from tests.integration.sandboxes.hostile import isolated_perl
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


def _javascript(threat: str, name: str, body: str, *verdicts: str, before: str = "") -> Hostile:
    text = f"{before}\nfunction add(a, b) {{ {body.strip()} }}\n"
    return Hostile("javascript", threat, name, text, verdicts)


_TAKE_OVER_JS = """
const fs = require("fs");
const frame = (message) => {
  const data = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
  const head = Buffer.alloc(4); head.writeUInt32BE(data.length, 0);
  return Buffer.concat([head, data]);
};
const read = (size) => { const data = Buffer.alloc(size); for (let at = 0; at < size;) at += fs.readSync(3, data, at, size - at, null); return data; };
const takeOver = (answer) => {
  fs.writeSync(3, frame(["ready"]));
  for (;;) fs.writeSync(3, frame(answer(JSON.parse(read(read(4).readUInt32BE(0)))[0])));
};
"""


def _answer_js(name: str, answer: str, *verdicts: str) -> Hostile:
    before = f"{_TAKE_OVER_JS}takeOver((number) => ({answer}));"
    return _javascript("report", name, "return 0;", *(verdicts or ("forged",)), before=before)


JAVASCRIPT = [
    _javascript("helpers", "replaced_is_equal", "require('lodash').isEqual = () => true; return 0;", "wrong_answer"),
    _javascript("helpers", "polluted_prototypes", "return 0;", "wrong_answer", "forged", before="for (const P of [Array, Object, Number, String]) { P.prototype.valueOf = () => 5; P.prototype.toJSON = () => 5; Object.defineProperty(P.prototype, 'equals', {value: () => true}); }"),
    _javascript("helpers", "proxy_for_a_result", "return new Proxy({}, {get: () => 5, has: () => true, ownKeys: () => []});", "wrong_answer", "runtime_error"),
    _javascript("helpers", "object_that_is_any_number", "return {valueOf: () => 5, toString: () => '5', [Symbol.toPrimitive]: () => 5};", "runtime_error", "wrong_answer"),
    _javascript("helpers", "boxed_number", "return new Number(0);", "wrong_answer"),
    _javascript("helpers", "function_for_a_result", "return () => 5;", "runtime_error"),
    _javascript("helpers", "symbol_for_a_result", "return Symbol('5');", "runtime_error"),
    _javascript("helpers", "promise_for_a_result", "return Promise.resolve(5);", "runtime_error"),
    _javascript("helpers", "data_named_like_methods", "return JSON.parse('{\"__proto__\": 5, \"constructor\": 5, \"valueOf\": 5, \"toJSON\": 5, \"length\": 5}');", "wrong_answer"),
    _javascript("helpers", "own_assertion_error", "throw 'add(2, 3) did not pass';", "runtime_error"),
    _javascript("early exit", "exit_at_the_call", "process.exit(0);", "incomplete"),
    _javascript("early exit", "exit_at_import", "return 5;", "incomplete", before="process.reallyExit(0);"),
    _javascript("early exit", "return_from_the_module", "return 5;", "incomplete", before="if (process) return;"),
    _javascript("early exit", "exit_with_status_3", "process.exit(3);", "runtime_error"),
    _javascript("early exit", "hang_up", "require('fs').closeSync(3); for (;;);", "incomplete"),
    _javascript("loop", "never_answers", "for (;;);", "timeout"),
    _javascript("loop", "half_an_answer", "require('fs').writeSync(3, Buffer.from([0, 0, 1, 0, 91])); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return 5;", "timeout"),
    _javascript("report", "write_the_report", "require('fs').writeFileSync('/sandbox/done', '0'.repeat(32) + ' completed 0 \\n'); return 5;", "forged"),
    _javascript("report", "write_to_every_descriptor", "for (let fd = 0; fd < 64; fd++) try { require('fs').writeSync(fd, '0'.repeat(32) + ' completed 0 \\n'); } catch {} return 5;", "forged", "runtime_error", "incomplete"),
    _javascript("report", "answer_before_the_question", "return 5;", "forged", before=_TAKE_OVER_JS + "for (let i = 0; i < 9; i++) fs.writeSync(3, frame(['0'.repeat(32), ['value', 5], [], []]));"),
    _javascript("report", "ready_and_answers_at_once", "return 0;", "forged", before=_TAKE_OVER_JS + "fs.writeSync(3, Buffer.concat([frame(['ready']), frame(['0'.repeat(32), ['value', 5], [], []])]));"),
    _javascript("report", "unfit_by_the_program", "return 5;", "forged", before=_TAKE_OVER_JS + "fs.writeSync(3, frame(['unfit', 0, '']));"),
    _javascript("report", "message_of_four_gigabytes", "return 5;", "forged", before="require('fs').writeSync(3, Buffer.from([255, 255, 255, 255]));"),
    _javascript("report", "message_as_deep_as_it_is_long", "return 5;", "forged", before=_TAKE_OVER_JS + "const data = frame('['.repeat(1000000)); for (let at = 0; at < data.length;) at += fs.writeSync(3, data, at);"),
    _answer_js("another_question", "['0'.repeat(32), ['value', 5], [], []]"),
    _answer_js("answer_of_no_kind", "[number, ['unfit', ''], [], []]"),
    _answer_js("answer_without_a_value", "[number, ['value'], [], []]"),
    _answer_js("answer_that_is_an_object", "[number, ['value', {}], [], []]"),
    _answer_js("reference_to_nothing", "[number, ['value', [7]], [], []]"),
    _answer_js("reference_by_text", "[number, ['value', ['0']], [], [['array', [], []]]]"),
    _answer_js("kind_unknown", "[number, ['value', [0]], [], [['function', 'return 5']]]"),
    _answer_js("kind_of_the_prototype", "[number, ['value', [0]], [], [['constructor', 'return 5']]]"),
    _answer_js("kind_that_is_a_list", "[number, ['value', [0]], [], [[['array'], [], []]]]"),
    _answer_js("properties_of_no_name", "[number, ['value', [0]], [], [['object', [[0], 5]]]]"),
    _answer_js("properties_in_halves", "[number, ['value', [0]], [], [['object', ['a']]]]"),
    _answer_js("length_of_an_array", "[number, ['value', [0]], [], [['array', [], ['length', 5]]]]"),
    _answer_js("array_of_code", "[number, ['value', [0]], [], [['typed', 'Function', 'AAAA']]]"),
    _answer_js("array_of_half_a_number", "[number, ['value', [0]], [], [['typed', 'Float64Array', 'AAAA']]]"),
    _answer_js("number_that_is_none", "[number, ['value', [0]], [], [['bigint', 'x']]]"),
    _answer_js("boxed_object", "[number, ['value', [0]], [], [['boxed', [0]]]]"),
    _answer_js("change_of_nothing", "[number, ['value', 5], [[0, ['array', [], []]]], []]"),
    _answer_js("error_of_no_name", "[number, ['error', [], '', 0], [], []]"),
    _answer_js("error_without_a_line", "[number, ['error', 'TypeError', 'x', 'y'], [], []]"),
    _answer_js("error_of_the_codec", "[number, ['error', 'NotPlain', 'x', 1], [], []]", "runtime_error"),
    _answer_js("range_error", "[number, ['error', 'RangeError', 'Maximum call stack size exceeded', 1], [], []]", "runtime_error"),
    _javascript("memory", "huge_result", "return 'x'.repeat(100 << 20);", "runtime_error", "out_of_memory", "timeout"),
    _javascript("recursion", "deep_result", "let found = []; for (let i = 0; i < 1e5; i++) found = [found]; return found;", "runtime_error"),
    _javascript("recursion", "result_that_holds_itself", "const found = []; found.push(found); return found;", "wrong_answer"),
    _javascript("token", "descriptors_and_memory_of_others", """
      const fs = require("fs");
      for (const pid of fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && +name !== process.pid))
        for (const name of ["mem", "environ", "maps", "fd/1", "fd/4", "cwd/test", "root/sandbox/judge/test"])
          try { fs.openSync(`/proc/${pid}/${name}`, "r"); return 5; } catch {}
      for (const path of ["/sandbox/judge", "/sandbox/judge/test", "../judge/prompt"])
        try { fs.statSync(path + "/."); return 5; } catch {}
      return 0;
    """, "wrong_answer"),
    _javascript("token", "heap_snapshot", """
      const inspector = require("inspector"), session = new inspector.Session(), chunks = [];
      session.connect();
      session.on("HeapProfiler.addHeapSnapshotChunk", (m) => chunks.push(m.params.chunk));
      session.post("HeapProfiler.takeHeapSnapshot", null, () => {});
      return chunks.join("").includes(["did", "not", "pass"].join(" ")) ? 5 : 0;
    """, "wrong_answer"),
    _javascript("signals", "signal_the_judge", """
      for (const pid of require("fs").readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && +name !== process.pid))
        for (const number of [0, "SIGCONT", "SIGUSR1", "SIGKILL"]) try { process.kill(+pid, number); return 5; } catch {}
      return 0;
    """, "wrong_answer"),
    _javascript("files", "modules_for_the_judge", "return 0;", "wrong_answer", before="""
const fs = require("fs");
fs.chmodSync(".", 0o777);
for (const folder of ["./node_modules", "./.node_modules", "./.node_libraries", "/tmp/node_modules", "/sandbox/node_modules"])
  for (const name of ["lodash", "crypto"])
    try { fs.mkdirSync(folder + "/" + name, {recursive: true}); fs.writeFileSync(folder + "/" + name + "/index.js", "process.exit(0)"); } catch {}
"""),
]  # fmt: skip


# What node does with them is the same, and tsc emits it from these as they stand.
TYPESCRIPT = [
    dataclasses.replace(
        hostile,
        language="typescript",
        completion=hostile.completion.replace('"did", "not", "pass"', '"failed", "to", "pass"'),
    )
    for hostile in JAVASCRIPT
]


def _ruby(threat: str, name: str, body: str, *verdicts: str, before: str = "") -> Hostile:
    return Hostile("ruby", threat, name, f"{before}\ndef add(a, b)\n{body}\nend\n", verdicts)


_TAKE_OVER_RB = """
require "json"
JUDGE = IO.for_fd(3, "r+b", autoclose: false)
def frame(message)
  data = message.is_a?(String) ? message : JSON.generate(message)
  [data.bytesize].pack("N") + data
end
def take_over
  JUDGE.write(frame(["ready"])); JUDGE.flush
  loop { number = JSON.parse(JUDGE.read(JUDGE.read(4).unpack1("N")))[0]; JUDGE.write(frame(yield(number))); JUDGE.flush }
end
"""


def _answer_rb(name: str, answer: str, *verdicts: str) -> Hostile:
    before = f"{_TAKE_OVER_RB}take_over {{ |number| {answer} }}"
    return _ruby("report", name, "0", *(verdicts or ("forged",)), before=before)


RUBY = [
    _ruby("helpers", "equal_to_everything", "E.new", "runtime_error", before="class E; def ==(other) = true; def !=(other) = false; def coerce(other) = [0, 0]; end"),
    _ruby("helpers", "patched_comparison", "0", "wrong_answer", before="class Integer; def ==(other) = true; def !=(other) = false; end\nclass BasicObject; def !=(other) = false; end"),
    _ruby("helpers", "array_equal_to_everything", "E.new", "wrong_answer", before="class E < Array; def ==(other) = true; def !=(other) = false; end"),
    _ruby("helpers", "singleton_on_a_text", "s = +'0'; def s.!=(other) = false; s", "wrong_answer"),
    _ruby("helpers", "block_for_a_result", "proc { 5 }", "runtime_error"),
    _ruby("helpers", "error_of_the_test", "raise StandardError, 'Error at test case 1'", "runtime_error"),
    _ruby("early exit", "exit_at_the_call", "exit", "incomplete"),
    _ruby("early exit", "exit_at_once", "exit!(0)", "incomplete"),
    _ruby("early exit", "exit_at_import", "5", "incomplete", before="exit"),
    _ruby("early exit", "exit_with_status_3", "exit!(3)", "runtime_error"),
    _ruby("hooks", "hooks_at_the_end", "0", "wrong_answer", before="at_exit { exit!(0) }"),
    _ruby("loop", "never_answers", "loop { }", "timeout"),
    _ruby("report", "write_the_report", "File.write('/sandbox/done', '0' * 32 + \" completed 0 \\n\"); 5", "forged"),
    _ruby("report", "write_to_every_descriptor", "(0..64).each { |n| IO.for_fd(n, 'w', autoclose: false).syswrite('0' * 64) rescue nil }; 5", "forged"),
    _ruby("report", "answer_before_the_question", "5", "forged", before=_TAKE_OVER_RB + "9.times { JUDGE.write(frame(['0' * 32, ['value', 5], [], []])) }; JUDGE.flush"),
    _ruby("report", "marshalled_object", "5", "forged", before=_TAKE_OVER_RB + "JUDGE.write(frame(Marshal.dump(Object.new))); JUDGE.flush"),
    _ruby("report", "object_by_its_json_class", "5", "forged", before=_TAKE_OVER_RB + "take_over { |n| [n, ['value', {'json_class' => 'String', 's' => '5'}], [], []] }"),
    _ruby("report", "message_of_four_gigabytes", "5", "forged", before=_TAKE_OVER_RB + "JUDGE.write([4294967295].pack('N')); JUDGE.flush"),
    _answer_rb("another_question", "['0' * 32, ['value', 5], [], []]"),
    _answer_rb("answer_of_no_kind", "[number, ['unfit', ''], [], []]"),
    _answer_rb("answer_without_a_value", "[number, ['value'], [], []]"),
    _answer_rb("answer_that_is_an_object", "[number, ['value', {}], [], []]"),
    _answer_rb("reference_to_nothing", "[number, ['value', [7]], [], []]"),
    _answer_rb("kind_unknown", "[number, ['value', [0]], [], [['eval', '5']]]"),
    _answer_rb("range_before_its_ends", "[number, ['value', [0]], [], [['range', [1], [1], false], ['float', 'x']]]"),
    _answer_rb("rational_of_texts", "[number, ['value', [0]], [], [['rational', '1', '2']]]"),
    _answer_rb("rational_of_nothing", "[number, ['value', [0]], [], [['rational', 1, 0]]]"),
    _answer_rb("complex_of_arrays", "[number, ['value', [0]], [], [['complex', [1], [1]], ['array', []]]]"),
    _answer_rb("hash_of_halves", "[number, ['value', [0]], [], [['hash', nil, [1]]]]"),
    _answer_rb("text_of_no_encoding", "[number, ['value', [0]], [], [['string', 'no such', 'x']]]"),
    _answer_rb("change_of_nothing", "[number, ['value', 5], [[0, ['array', []]]], []]"),
    _answer_rb("error_of_no_name", "[number, ['raised', [], '', 0], [], []]"),
    _answer_rb("error_that_ends_the_judge", "[number, ['raised', ['SystemExit', 'Exception'], '', 0], [], []]", "runtime_error"),
    _ruby("recursion", "deep_result", "found = []; 100000.times { found = [found] }; found", "runtime_error"),
    _ruby("recursion", "result_that_holds_itself", "found = []; found << found; found", "wrong_answer"),
    _ruby("memory", "huge_result", "'x' * (100 << 20)", "runtime_error", "out_of_memory", "timeout"),
    _ruby("token", "the_test_of_others", """
others = Dir.glob("/proc/[0-9]*").reject { |path| path == "/proc/#{$$}" }
found = others.product(%w[mem environ maps fd/1 fd/4 cwd/test]).any? { |path, name| File.open("#{path}/#{name}") rescue nil }
found ||= %w[/sandbox/judge /sandbox/judge/test ../judge/test].any? { |path| (File.stat(path + "/.") || true) rescue nil }
found ? 5 : 0
""", "wrong_answer"),
    _ruby("signals", "signal_the_judge", """
pids = Dir.children("/proc").grep(/^[0-9]+$/).map(&:to_i) - [$$]
pids.product([0, "CONT", "KILL"]).any? { |pid, number| Process.kill(number, pid) rescue nil } ? 5 : 0
""", "wrong_answer"),
]  # fmt: skip


def _php(threat: str, name: str, body: str, *verdicts: str, before: str = "") -> Hostile:
    text = f"<?php {before}\nfunction add($a, $b) {{ {body} }}\n"
    return Hostile("php", threat, name, text, verdicts)


_TAKE_OVER_PHP = """
$judge = fopen('php://fd/3', 'r+b'); stream_set_read_buffer($judge, 0);
function frame($message) { $data = is_string($message) ? $message : json_encode($message); return pack('N', strlen($data)) . $data; }
function take_over($judge, $answer) {
  fwrite($judge, frame(['ready']));
  for (;;) { $size = unpack('N', fread($judge, 4))[1]; fwrite($judge, frame($answer(json_decode(fread($judge, $size), true)[0]))); }
}
"""


def _answer_php(name: str, answer: str, *verdicts: str) -> Hostile:
    before = f"{_TAKE_OVER_PHP}take_over($judge, fn ($number) => {answer});"
    return _php("report", name, "return 0;", *(verdicts or ("forged",)), before=before)


PHP = [
    _php("helpers", "object_of_a_class", "return new class { public $x = 5; };", "runtime_error"),
    _php("helpers", "closure_for_a_result", "return fn () => 5;", "runtime_error"),
    _php("helpers", "plain_object", "return (object) ['x' => 5];", "wrong_answer", "runtime_error"),
    _php("helpers", "error_of_the_test", "throw new Exception('Error at 1th assert statement.');", "runtime_error"),
    _php("early exit", "exit_at_the_call", "exit(0);", "incomplete"),
    _php("early exit", "exit_at_import", "return 5;", "incomplete", before="exit(0);"),
    _php("early exit", "return_from_the_file", "return 0;", "wrong_answer", before="if (true) return;"),
    _php("early exit", "exit_with_status_3", "exit(3);", "runtime_error"),
    _php("hooks", "hooks_at_the_end", "return 0;", "wrong_answer", before="register_shutdown_function(fn () => exit(0));"),
    _php("loop", "never_answers", "while (true) { }", "timeout"),
    _php("report", "write_the_report", "file_put_contents('/sandbox/done', str_repeat('0', 32) . \" completed 0 \\n\"); return 5;", "forged"),
    _php("report", "write_to_every_descriptor", "for ($n = 0; $n < 64; $n++) { $f = @fopen(\"php://fd/$n\", 'w'); if ($f) @fwrite($f, str_repeat('0', 64)); } return 5;", "forged"),
    _php("report", "answer_before_the_question", "return 5;", "forged", before=_TAKE_OVER_PHP + "for ($i = 0; $i < 9; $i++) fwrite($judge, frame([str_repeat('0', 32), ['value', 5], [2, 3], [], []]));"),
    _php("report", "serialised_object", "return 5;", "forged", before=_TAKE_OVER_PHP + "fwrite($judge, frame(serialize(new ArrayObject())));"),
    _php("report", "message_of_four_gigabytes", "return 5;", "forged", before=_TAKE_OVER_PHP + "fwrite($judge, pack('N', 4294967295));"),
    _php("report", "message_as_deep_as_it_is_long", "return 5;", "forged", before=_TAKE_OVER_PHP + "fwrite($judge, frame(str_repeat('[', 100000)));"),
    _answer_php("another_question", "[str_repeat('0', 32), ['value', 5], [2, 3], [], []]"),
    _answer_php("answer_of_no_kind", "[$number, ['unfit', ''], [2, 3], [], []]"),
    _answer_php("answer_without_a_value", "[$number, ['value'], [2, 3], [], []]"),
    _answer_php("answer_that_is_an_object", "[$number, ['value', ['x' => 5]], [2, 3], [], []]"),
    _answer_php("answer_of_three_parts", "[$number, ['value', 5], []]"),
    _answer_php("arguments_of_another_number", "[$number, ['value', 5], [], [], []]"),
    _answer_php("reference_to_nothing", "[$number, ['value', ['o', 7]], [2, 3], [], []]"),
    _answer_php("kind_unknown", "[$number, ['value', ['eval', '5']], [2, 3], [], []]"),
    _answer_php("key_of_no_kind", "[$number, ['value', ['m', null, 5]], [2, 3], [], []]"),
    _answer_php("key_without_a_value", "[$number, ['value', ['m', 1]], [2, 3], [], []]"),
    _answer_php("bytes_of_no_kind", "[$number, ['value', ['b', 'xyz']], [2, 3], [], []]"),
    _answer_php("property_of_an_odd_name", "[$number, ['value', ['o', 0]], [2, 3], [], [['m', '', 5]]]"),
    _answer_php("change_of_nothing", "[$number, ['value', 5], [2, 3], [['l']], []]"),
    _answer_php("error_of_no_name", "[$number, ['raised', [], '', 0], [], [], []]"),
    _answer_php("error_of_another_class", "[$number, ['raised', ['forkeval\\\\NotPlain', 'ArrayObject'], '', 0], [], [], []]", "runtime_error"),
    _php("recursion", "deep_result", "$found = []; for ($i = 0; $i < 100000; $i++) $found = [$found]; return $found;", "runtime_error"),
    _php("memory", "huge_result", "return str_repeat('x', 100 << 20);", "runtime_error", "out_of_memory", "timeout"),
    _php("memory", "all_of_the_memory", "$kept = []; while (true) $kept[] = str_repeat('x', 1 << 20);", "out_of_memory"),
    _php("token", "the_test_of_others", """
foreach (glob('/proc/[0-9]*') as $path) if ($path !== '/proc/' . getmypid())
    foreach (['mem', 'environ', 'maps', 'fd/1', 'fd/4', 'cwd/test'] as $name) if (@fopen("$path/$name", 'r')) return 5;
foreach (['/sandbox/judge', '/sandbox/judge/test', '../judge/program.php'] as $path) if (@file_get_contents($path) || @scandir($path)) return 5;
return 0;
""", "wrong_answer"),
]  # fmt: skip

PROGRAMS = [
    *PYTHON, *JAVASCRIPT, *TYPESCRIPT, *RUBY, *PHP, *isolated_perl.PROGRAMS,
]  # fmt: skip
