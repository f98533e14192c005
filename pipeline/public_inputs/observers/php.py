"""PHP: lists and maps are arrays; an empty one is a list."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Value
from pipeline.records import Problem

_TEST = """
(function () {{
    $show = function ($x) use (&$show) {{
        if (is_float($x)) {{
            return is_nan($x) ? "NaN" : (is_infinite($x) ? ($x > 0 ? "Infinity" : "-Infinity")
                : json_encode($x));
        }}
        if (is_string($x)) return json_encode($x, JSON_INVALID_UTF8_SUBSTITUTE);
        if ($x === null || is_scalar($x)) return json_encode($x);
        if (!is_array($x)) return '{{"o":"object"}}';
        if ($x === [] || array_keys($x) === range(0, count($x) - 1)) {{
            return "[" . implode(",", array_map($show, $x)) . "]";
        }}
        $pairs = [];
        foreach ($x as $key => $value) {{
            $pairs[] = "[" . json_encode($key) . "," . $show($value) . "]";
        }}
        return '{{"m":[' . implode(",", $pairs) . "]}}";
    }};
    $calls = [
{calls}
    ];
    foreach ($calls as $index => $call) {{
        try {{ $text = $show($call()); }} catch (\\Throwable $error) {{ $text = "!"; }}
        echo "\\n{marker} $index $text\\n";
    }}
}})();
"""


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    # Variables, since some functions take their arguments by reference.
    lines = "\n".join(
        "        function () { $a = ["
        + ", ".join(map(literal, call.args))
        + f"]; return {problem.entry_point}("
        + ", ".join(f"$a[{i}]" for i in range(len(call.args)))
        + "); },"
        for call in calls
    )
    return _TEST.format(calls=lines, marker=marker)


def literal(value: Value) -> str:
    match value:
        case Pairs(items):
            return "[" + ", ".join(f"{literal(k)} => {literal(v)}" for k, v in items) + "]"
        case Elements(items):
            return "[" + ", ".join(map(literal, items)) + "]"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case _:
            return json.dumps(value)
