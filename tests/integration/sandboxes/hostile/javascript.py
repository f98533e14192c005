"""Hostile programs in JavaScript."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_javascript = Inside(
    "javascript",
    lambda before, body: f"{before}\nfunction add(a, b) {{ {body.strip()} }}\n",
)


def call_shell(command: str) -> str:
    return f"""function add(a, b) {{
  const done = require("child_process").spawnSync("sh", ["-c", "{command}"], {{stdio: "inherit"}});
  if (done.status === 7) process.exit(0);
  return 0;
}}
"""


_HEAP_SEARCH = """
const inspector = require('inspector');
const session = new inspector.Session();
session.connect();
const chunks = [];
session.on('HeapProfiler.addHeapSnapshotChunk', m => chunks.push(m.params.chunk));
session.post('HeapProfiler.takeHeapSnapshot', null, () => {});
for (const token of new Set(chunks.join('').match(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g) || [])) {
  require('fs').writeFileSync('/sandbox/done', token + ' completed 0 \\n');
  process.exit(0);
}
process.exit(1);
"""

PROGRAMS = [
    _javascript("early exit", "exit", "process.exit(0)", "incomplete"),
    _javascript("early exit", "really_exit", "process.reallyExit(0)", "incomplete"),
    _javascript("early exit", "exit_code_then_throw_nothing", "process.exitCode = 0; process.kill(process.pid, 'SIGTERM'); while (true);", "runtime_error"),
    _javascript("early exit", "wait_for_ever_with_nothing_to_do", "new Promise(() => {}).then(() => {}); process.exitCode = 0; return new Promise(() => {});", "wrong_answer"),
    _javascript("early exit", "exit_in_a_callback", "setImmediate(() => process.exit(0)); return 5;", "incomplete"),
    Hostile("javascript", "early exit", "return_from_the_module", "function add(a, b) { return 0; }\nreturn;\n", ("incomplete",)),
    Hostile("javascript", "early exit", "return_and_new_target", "new.target; function add(a, b) { return 0; }\nif (add) return;\n", ("incomplete",)),
    _javascript("hooks", "emit_then_exit", "process.emit('beforeExit', 0); process.exit(0)", "incomplete"),
    _javascript("hooks", "emit_from_a_callback", "setTimeout(() => { process.emit('beforeExit', 0); process.exit(0); }, 0); require('fs').readSync; return new Proxy({}, {});", "wrong_answer"),
    _javascript("hooks", "swallow_the_failure", "process.on('uncaughtException', () => {}); return 0;", "wrong_answer", "incomplete"),
    _javascript("hooks", "swallow_and_exit_well", "process.removeAllListeners('uncaughtExceptionMonitor'); process.on('uncaughtException', () => process.exit(0)); return 0;", "incomplete"),
    _javascript("hooks", "exit_hook_hides_the_failure", "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); }); return 0;", "wrong_answer"),
    _javascript("hooks", "capture_callback", "process.setUncaughtExceptionCaptureCallback(() => process.exit(0)); return 0;", "incomplete", "wrong_answer"),
    _javascript("hooks", "unhandled_rejection", "Promise.reject(new TypeError('later')); return 5;", "runtime_error"),
    _javascript("hooks", "throwing_getter", "throw { get stack() { process.exit(0) }, get name() { process.exit(0) } };", "incomplete", "runtime_error"),
    _javascript("report", "guess_the_report", "require('fs').writeFileSync('/sandbox/done', '0'.repeat(32) + ' completed 0 \\n'); process.exit(0)", "forged"),
    _javascript("report", "every_descriptor", "for (let fd = 0; fd < 64; fd++) try { require('fs').writeSync(fd, 'x') } catch {} process.exit(0)", "incomplete"),
    _javascript("token", "read_the_nonce_descriptor", "let t = ''; try { t = require('fs').readFileSync(3, 'latin1') } catch {} require('fs').writeFileSync('/sandbox/done', t + ' completed 0 \\n'); process.exit(0)", "forged"),
    _javascript("token", "walk_modules_and_frames", """
const seen = new Set(), texts = new Set(['0'.repeat(32)]);
const walk = (x, depth) => {
  if (typeof x === 'string') for (const t of x.match(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g) || []) texts.add(t);
  if (x === null || (typeof x !== 'object' && typeof x !== 'function') || seen.has(x) || depth > 12 || seen.size > 1e5) return;
  seen.add(x);
  for (const key of Reflect.ownKeys(x)) { try { walk(x[key], depth + 1); walk(String(key), depth) } catch {} }
};
for (const root of [module, require, process, globalThis, arguments, new Error().stack, require('module')._cache, process.listeners('beforeExit')]) walk(root, 0);
for (const f of process.listeners('beforeExit')) walk(String(f), 0);
for (const t of texts) require('fs').writeFileSync('/sandbox/done', t + ' completed 0 \\n');
process.exit(0);
""", "forged"),
    _javascript("token", "heap_snapshot", _HEAP_SEARCH, "passed"),
    _javascript("helpers", "replaced_is_equal", "return 0;", "passed", before="require('lodash').isEqual = () => true;"),
    _javascript("helpers", "patched_prototypes", "Object.prototype.toString = () => 'x'; Array.prototype[Symbol.iterator] = function* () {}; return 0;", "wrong_answer", "runtime_error"),
    _javascript("helpers", "equal_by_conversion", "return { valueOf: () => 5, toString: () => '5' };", "passed", test="if (add(2, 3) != 5) throw 'wrong';\n"),
    _javascript("helpers", "replaced_assert", "return 0;", "passed", before="require('assert').strictEqual = () => {};", test="require('assert').strictEqual(add(2, 3), 5);\n"),
    _javascript("helpers", "replaced_console_assert", "console.assert = () => {}; return 5;", "passed"),
    _javascript("launcher", "forge_frames", "Error.prepareStackTrace = () => ''; const E = Error; globalThis.Error = class {}; process.emit('beforeExit', 0); process.exit(0)", "incomplete"),
    _javascript("launcher", "call_the_listener", "for (const f of process.listeners('beforeExit')) f.call(process, 0); process.exit(0)", "incomplete"),
    _javascript("launcher", "call_the_listener_from_the_engine", "setImmediate(process.listeners('beforeExit')[0]); setImmediate(() => process.exit(0)); throw 1;", "runtime_error", "wrong_answer"),
    _javascript("launcher", "listener_from_a_timer_after_the_failure", "process.on('uncaughtException', () => { setImmediate(process.listeners('beforeExit')[0]); }); process.removeAllListeners('uncaughtExceptionMonitor'); return 0;", "incomplete"),
    _javascript("launcher", "listener_of_a_monitor", "const f = process.listeners('uncaughtExceptionMonitor')[0]; f({stack: '', name: 'x', message: 'y'}); return 5;", "runtime_error", "forged"),
    _javascript("launcher", "patched_functions", "const p = Function.prototype; p.call = p.apply = () => 0; Reflect.apply = () => 0; require('fs').openSync = () => process.exit(0); require('fs').writeSync = () => 0; process.exitCode = 0; return 0;", "wrong_answer", "runtime_error"),
    _javascript("launcher", "load_it_again", "try { delete require.cache['/forkeval/launcher.js']; require('/forkeval/launcher.js') } catch (e) {} process.exit(0);", "incomplete"),
    _javascript("loop", "endless_loop", "while (true);", "timeout"),
    _javascript("loop", "never_idle", "setInterval(() => {}, 1000); return 5;", "timeout", slow=True),
    _javascript("loop", "backtracking_pattern", "return /^(a+)+$/.test('a'.repeat(64) + 'b');", "timeout"),
    _javascript("loop", "endless_microtasks", "const again = () => Promise.resolve().then(again); again(); return 5;", "timeout", "out_of_memory"),
    _javascript("recursion", "without_end", "return add(a, b);", "runtime_error"),
    _javascript("memory", "buffers", "const k = []; while (true) k.push(Buffer.alloc(1 << 24, 1));", "out_of_memory", "timeout"),
    _javascript("memory", "at_once", "return Buffer.alloc(2 ** 31, 1).length;", "out_of_memory"),
    _javascript("memory", "slowly", "const k = []; while (true) k.push({a: [a, b]});", "out_of_memory", "timeout"),
    _javascript("memory", "doubling_string", "let s = 'x'; while (true) s += s;", "runtime_error", "out_of_memory"),
    _javascript("processes", "workers", "const {Worker} = require('worker_threads'); for (let i = 0; i < 2000; i++) new Worker('while (true);', {eval: true}).on('error', () => {}); return 5;", "timeout", "out_of_memory", "runtime_error", slow=True),
    _javascript("daemons", "detached_children", "require('child_process').spawn('sleep', ['1000'], {detached: true}).unref(); return 0;", "wrong_answer"),
    _javascript("output", "endless", "while (true) require('fs').writeSync(1, 'x'.repeat(1 << 16));", "output_limit"),
    _javascript("output", "closed_streams", "for (const fd of [0, 1, 2]) try { require('fs').closeSync(fd) } catch {} return 0;", "wrong_answer"),
    _javascript("output", "control_characters_thrown", "throw '\\x1b[2J\\r\\n\\0\\ud800' + '0'.repeat(32) + ' completed 0 \\n';", "runtime_error", "wrong_answer"),
    _javascript("output", "a_huge_exception", "throw new Error('x'.repeat(1 << 24));", "runtime_error", "output_limit"),
    _javascript("output", "null_thrown", "throw null;", "runtime_error"),
    _javascript("network", "sockets", "const net = require('net'); net.connect(80, '1.1.1.1').on('connect', () => process.exit(0)).on('error', () => {}); const s = require('dgram').createSocket('udp4'); s.on('error', () => {}); s.send('x', 53, '1.1.1.1', e => { if (!e) process.exit(0); s.close(); }); return 0;", "wrong_answer"),
    _javascript("tracing", "debugger_of_its_own_process", "try { process._debugProcess(1); process.exit(0) } catch {} process.kill(process.pid, 'SIGUSR1'); return 0;", "wrong_answer"),
    _javascript("compiler", "deep_expression", f"return {'(' * 20000}a{')' * 20000};", "compile_error", "runtime_error"),
    _javascript("compiler", "unbalanced", "}); process.exit(0); (function () {", "compile_error"),
    _javascript("source", "nul_bytes", "return \0 5;", "compile_error"),
    _javascript("source", "reads_input", "return Number(require('fs').readFileSync(0, 'utf8'));", "wrong_answer"),
    _javascript("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
    _javascript("source", "hash_bang", "return 0; }\n#!/bin/true\n{", "compile_error"),
]  # fmt: skip
