"""C#: inside the class that the prompt opens, and closes it and the namespace."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.public_inputs.values import Unreadable
from pipeline.records import Problem

_TEST = """

        static string ForkevalText(string s)
        {{
            var made = new System.Text.StringBuilder("\\"");
            foreach (char c in s)
            {{
                bool plain = c >= 32 && c <= 126 && c != '"' && c != '\\\\';
                made.Append(plain ? c.ToString() : "\\\\u" + ((int)c).ToString("x4"));
            }}
            return made.Append('"').ToString();
        }}

        static string ForkevalShow(object x)
        {{
            var plain = System.Globalization.CultureInfo.InvariantCulture;
            if (x == null) return "null";
            if (x is bool) return (bool)x ? "true" : "false";
            if (x is string || x is char) return ForkevalText(x.ToString());
            if (x is double) return ((double)x).ToString("R", plain);
            if (x is float) return ((double)(float)x).ToString("R", plain);
            if (x is IConvertible) return ((IConvertible)x).ToString(plain);
            var items = new List<string>();
            var pairs = x as System.Collections.IDictionary;
            if (pairs != null)
            {{
                foreach (System.Collections.DictionaryEntry e in pairs)
                    items.Add("[" + ForkevalShow(e.Key) + "," + ForkevalShow(e.Value) + "]");
                return "{{\\"m\\":[" + string.Join(",", items.ToArray()) + "]}}";
            }}
            var found = x as System.Collections.IEnumerable;
            if (found == null) return "{{\\"o\\":" + ForkevalText(x.GetType().Name) + "}}";
            foreach (object item in found) items.Add(ForkevalShow(item));
            string inside = "[" + string.Join(",", items.ToArray()) + "]";
            return x.GetType().Name.StartsWith("HashSet") ? "{{\\"s\\":" + inside + "}}" : inside;
        }}

        static void ForkevalObserve(int index, Func<object> call)
        {{
            string line = "!";
            try {{ line = ForkevalShow(call()); }} catch (Exception) {{ }}
            Console.Out.Write("\\n{marker} " + index + " " + line + "\\n");
            Console.Out.Flush();
        }}

        public static void Main(string[] args)
        {{
{calls}
        }}
    }}
}}
"""
_KINDS = {
    "int": "integer",
    "double": "real",
    "string": "text",
    "bool": "truth",
    "object": "any",
    "List": _typed.LISTS,
    "HashSet": _typed.SETS,
    "Dictionary": _typed.MAPS,
}
_ANY = Type("any", "object")


class _Form:
    def text(self, value: str) -> str:
        return _typed.text(value)

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"new List<{of.written}> {{{', '.join(items)}}}"

    def set(self, items: Sequence[str], of: Type) -> str:
        return f"new HashSet<{of.written}> {{{', '.join(items)}}}"

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        pairs = ", ".join(f"{{{k}, {v}}}" for k, v in items)
        return f"new Dictionary<{key.written}, {value.written}> {{{pairs}}}"

    def loose(self, written: str) -> str:
        return written

    def nothing(self, of: Type) -> str:
        if of.kind in ("integer", "real", "truth"):
            raise Unreadable(f"null is no {of.written}")
        return "null"


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(
        problem.prompt, rf"static\s+\S.*?\s+{re.escape(name)}\s*\(([^()]*)\)\s*\{{"
    )
    types = [_typed.generic(words.rpartition(" ")[0], _KINDS) for words in found]
    lines = []
    for index, call in enumerate(calls):
        args = ", ".join(_typed.arguments(call.args, types, _Form(), _ANY))
        lines.append(f"            ForkevalObserve({index}, () => {name}({args}));")
    return _TEST.format(calls="\n".join(lines), marker=marker)
