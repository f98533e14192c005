"""Hostile programs in TypeScript: what its compiler is for. What node does is in `javascript.py`."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_typescript = Inside(
    "typescript",
    lambda before, body: (
        f"{before}\nconst add = function (a: number, b: number): any {{ {body.strip()} }}\n"
    ),
)


def call_shell(command: str) -> str:
    return f"""const add = function (a: number, b: number): number {{
  const done = require("child_process").spawnSync("sh", ["-c", "{command}"], {{stdio: "inherit"}});
  if (done.status === 7) process.exit(0);
  return 0;
}}
"""


_ENDLESS = "type Grow<T extends any[]> = Grow<[...T, ...T, 0]>;\nlet grown: Grow<[0]>;"
_ZERO = "const add = function (a: number, b: number) { return 0; }\n"
_WITHOUT_IMPORT = "\nif (add(2, 3) !== 5) throw 'wrong';\n"
_POWERS = "type Bit = '0' | '1';\ntype Byte = `${Bit}${Bit}${Bit}${Bit}${Bit}${Bit}${Bit}${Bit}`;\nlet all: `${Byte}${Byte}${Byte}`;"

PROGRAMS = [
    _typescript("early exit", "exit", "process.exit(0)", "incomplete"),
    Hostile("typescript", "early exit", "return_from_the_module", "const add = (a, b) => 0;\nreturn;\n", ("incomplete",)),
    Hostile("typescript", "early exit", "brace_too_many", "const add = function (a: number) { return 0; } return 1; }\n", ("incomplete",)),
    Hostile("typescript", "early exit", "test_inside_a_function", _ZERO + "const uncalled = () => {", ("incomplete",), _WITHOUT_IMPORT),
    Hostile("typescript", "early exit", "test_inside_an_expression", "const add = function (a: number, b: number) { return 0 + add.", ("incomplete",)),
    Hostile("typescript", "early exit", "test_inside_a_text", _ZERO + "const text = `", ("incomplete",)),
    Hostile("typescript", "early exit", "test_inside_a_comment", _ZERO + "/*", ("compile_error",)),
    Hostile("typescript", "early exit", "test_under_a_condition", _ZERO + "if (false)", ("incomplete", "compile_error")),
    Hostile("typescript", "early exit", "test_that_seems_to_begin_earlier", _ZERO + "void 0; // the test\nconst text = `", ("incomplete",)),
    _typescript("hooks", "swallow_and_exit_well", "process.removeAllListeners('uncaughtExceptionMonitor'); process.on('uncaughtException', () => process.exit(0)); return 0;", "incomplete"),
    _typescript("report", "guess_the_report", "require('fs').writeFileSync('/sandbox/done', '0'.repeat(32) + ' completed 0 \\n'); process.exit(0)", "forged"),
    _typescript("helpers", "replaced_assert", "return 0;", "passed", before="require('assert').deepEqual = () => {};"),
    _typescript("helpers", "declared_assert", "return 0;", "passed", before="namespace assert { export const deepEqual = () => {}; }"),
    _typescript("helpers", "exported_names_of_the_test", "return 0;", "passed", before="export let actual_1: any, expected_1: any;"),
    _typescript("launcher", "forge_frames", "Error.prepareStackTrace = () => ''; globalThis.Error = class {} as any; process.emit('beforeExit', 0); process.exit(0)", "incomplete"),
    _typescript("launcher", "source_map_of_its_own", "return 0;", "wrong_answer", before="//# sourceMappingURL=data:application/json;base64,e30="),
    _typescript("loop", "endless_loop", "while (true);", "timeout"),
    _typescript("recursion", "without_end", "return add(a, b);", "runtime_error"),
    _typescript("memory", "slowly", "const k = []; while (true) k.push({a: [a, b]});", "out_of_memory", "timeout"),
    _typescript("compiler", "types_without_end", "return 0;", "wrong_answer", before=_ENDLESS),
    _typescript("compiler", "types_by_the_million", "return 0;", "wrong_answer", before=_POWERS),
    _typescript("compiler", "deep_expression", f"return {'(' * 20000}a{')' * 20000};", "compile_error"),
    _typescript("compiler", "its_heap", "x;" * 1_500_000, "compile_error", "timeout"),
    _typescript("compiler", "other_files", "return 0;", "wrong_answer", before='/// <reference path="/etc/passwd" />\n/// <reference path="compile-server.js" />\n/// <reference types="node" />'),
    _typescript("compiler", "compiler_for_the_program", "try { require('typescript').sys.writeFile('/sandbox/build/main.js', '') } catch (e) {} return 0;", "wrong_answer"),
    _typescript("compiler", "unbalanced", "}); process.exit(0); (function () {", "compile_error", "incomplete"),
    _typescript("source", "nul_bytes", "return \0 0;", "wrong_answer", "compile_error"),
    _typescript("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
