"""Go: printed on standard error, since the published prompts import nothing that writes elsewhere.

They import `encoding/json` and `reflect`, which a program must then use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.public_inputs.values import Unreadable
from pipeline.records import Problem

_TEST = """

func forkeval_observe(index string, call func() interface{{}}) {{
	line := "!"
	func() {{
		defer func() {{ recover() }}()
		text, err := json.Marshal(call())
		if err == nil {{
			line = string(text)
		}}
	}}()
	println("\\n{marker} " + index + " " + line)
}}

func main() {{
	_ = reflect.DeepEqual
{calls}
}}
"""
_KINDS = {"int": "integer", "float64": "real", "string": "text", "bool": "truth"}
_ANY = Type("any", "interface{}")


class _Form:
    def text(self, value: str) -> str:
        return _typed.text(value)

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"[]{of.written}{{{', '.join(items)}}}"

    def set(self, items: Sequence[str], of: Type) -> str:
        return self.list(items, of)

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        inside = ", ".join(f"{k}: {v}" for k, v in items)
        texts = key.kind == "any" and all(k.startswith('"') for k, _ in items)
        return f"map[{'string' if texts else key.written}]{value.written}{{{inside}}}"

    def loose(self, written: str) -> str:
        return written

    def nothing(self, of: Type) -> str:
        if of.kind in _KINDS.values():
            raise Unreadable(f"nil is no {of.written}")
        return "nil"


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(problem.prompt, rf"func\s+{re.escape(name)}\s*\(([^()]*)\)[^\n]*\{{")
    types = [_type(words.partition(" ")[2]) for words in found]
    lines = []
    for index, call in enumerate(calls):
        args = ", ".join(_typed.arguments(call.args, types, _Form(), _ANY))
        made = f"func() interface{{}} {{ return {name}({args}) }}"
        lines.append(f'\tforkeval_observe("{index}", {made})')
    return _TEST.format(calls="\n".join(lines), marker=marker)


def _type(written: str) -> Type:
    bare = written.strip()
    if bare == "interface{}":
        return _ANY
    if bare in _KINDS:
        return Type(_KINDS[bare], bare)
    if bare.startswith("[]"):
        return Type(_typed.LISTS, bare, (_type(bare[2:]),))
    if found := re.fullmatch(r"map\[([^\]]+)\](.+)", bare):
        return Type(_typed.MAPS, bare, (_type(found[1]), _type(found[2])))
    raise Unreadable(f"{bare} is no type of plain values")
