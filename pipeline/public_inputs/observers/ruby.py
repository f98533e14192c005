"""Ruby."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Value
from pipeline.records import Problem

_TEST = """
forkeval_text = lambda do |x|
  plain = x.encode("UTF-8", invalid: :replace, undef: :replace)
  '"' + plain.gsub(/["\\\\\\x00-\\x1f]/) {{ |c| format("\\\\u%04x", c.ord) }} + '"'
end
forkeval_show = lambda do |x|
  case x
  when nil then "null"
  when true, false then x.to_s
  when Integer then x.to_s
  when Float then x.nan? ? "NaN" : x.infinite? ? (x > 0 ? "Infinity" : "-Infinity") : x.to_s
  when Rational then x.to_f.to_s
  when String, Symbol then forkeval_text.call(x.to_s)
  when Array then "[" + x.map(&forkeval_show).join(",") + "]"
  when Hash
    pairs = x.map {{ |k, v| "[" + forkeval_show.call(k) + "," + forkeval_show.call(v) + "]" }}
    '{{"m":[' + pairs.join(",") + "]}}"
  else
    kind = x.class.name.to_s
    next '{{"s":[' + x.map(&forkeval_show).join(",") + "]}}" if kind == "Set"
    '{{"o":' + forkeval_text.call(kind) + "}}"
  end
end
[
{calls}
].each_with_index do |forkeval_call, forkeval_index|
  forkeval_line = begin
    forkeval_show.call(forkeval_call.call)
  rescue StandardError, SystemStackError, ScriptError
    "!"
  end
  $stdout.write("\\n{marker} " + forkeval_index.to_s + " " + forkeval_line + "\\n")
  $stdout.flush
end
"""


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    lines = "\n".join(
        f"  lambda {{ {problem.entry_point}({', '.join(map(literal, call.args))}) }},"
        for call in calls
    )
    return _TEST.format(calls=lines, marker=marker)


def literal(value: Value) -> str:
    match value:
        case Pairs(items):
            return "{" + ", ".join(f"{literal(k)} => {literal(v)}" for k, v in items) + "}"
        case Elements(items):
            return "Set[" + ", ".join(map(literal, items)) + "]"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
        case None:
            return "nil"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("#", "\\#")
        case _:
            return json.dumps(value)
