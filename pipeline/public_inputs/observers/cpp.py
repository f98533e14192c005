"""C++."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.public_inputs.values import Unreadable
from pipeline.records import Problem

_TEST = """
namespace forkeval {{
using std::string;
string show(bool x) {{ return x ? "true" : "false"; }}
string show(int x) {{ return std::to_string(x); }}
string show(long x) {{ return std::to_string(x); }}
string show(long long x) {{ return std::to_string(x); }}
string show(double x) {{
    if (x != x) return "NaN";
    if (x - x != 0) return x > 0 ? "Infinity" : "-Infinity";
    char out[40];
    snprintf(out, sizeof out, "%.17g", x);
    return out;
}}
string show(const string& s) {{
    string out = "\\"";
    for (unsigned char c : s) {{
        char code[8];
        snprintf(code, sizeof code, "\\\\u%04x", c);
        if (c < 32 || c == '"' || c == '\\\\') out += code; else out += char(c);
    }}
    return out + "\\"";
}}
string show(char c) {{ return show(string(1, c)); }}
template <class A, class B> string show(const std::pair<A, B>& x);
template <class T> string show(const std::vector<T>& x);
template <class T> string show(const std::set<T>& x);
template <class T> string show(const std::unordered_set<T>& x);
template <class K, class V> string show(const std::map<K, V>& x);
template <class K, class V> string show(const std::unordered_map<K, V>& x);
template <class T> string join(const T& x) {{
    string out;
    for (auto i = x.begin(); i != x.end(); ++i) {{
        typename T::value_type item = *i;
        out += (out.empty() ? "" : ",") + show(item);
    }}
    return out;
}}
template <class A, class B> string show(const std::pair<A, B>& x) {{
    return "[" + show(x.first) + "," + show(x.second) + "]";
}}
template <class T> string show(const std::vector<T>& x) {{ return "[" + join(x) + "]"; }}
template <class T> string show(const std::set<T>& x) {{ return "{{\\"s\\":[" + join(x) + "]}}"; }}
template <class T> string show(const std::unordered_set<T>& x) {{
    return "{{\\"s\\":[" + join(x) + "]}}";
}}
template <class K, class V> string show(const std::map<K, V>& x) {{
    return "{{\\"m\\":[" + join(x) + "]}}";
}}
template <class K, class V> string show(const std::unordered_map<K, V>& x) {{
    return "{{\\"m\\":[" + join(x) + "]}}";
}}
template <class F> void observe(int index, F call) {{
    string line = "!";
    try {{ line = show(call()); }} catch (...) {{ }}
    printf("\\n{marker} %d %s\\n", index, line.c_str());
    fflush(stdout);
}}
}}

int main(int argc, char* argv[]) {{
{calls}
    return 0;
}}
"""
_KINDS = {
    "int": "integer",
    "double": "real",
    "string": "text",
    "bool": "truth",
    "vector": _typed.LISTS,
    "unordered_set": _typed.SETS,
    "unordered_map": _typed.MAPS,
}
_ANY = Type("any", "any")  # no value has it


class _Form:
    def text(self, value: str) -> str:
        return f"string({_octal(value)})"

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"vector<{of.written}>{{{', '.join(items)}}}"

    def set(self, items: Sequence[str], of: Type) -> str:
        return f"unordered_set<{of.written}>{{{', '.join(items)}}}"

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        pairs = ", ".join(f"{{{k}, {v}}}" for k, v in items)
        return f"unordered_map<{key.written}, {value.written}>{{{pairs}}}"

    def loose(self, written: str) -> str:
        raise Unreadable("C++ has no type for anything")

    def nothing(self, of: Type) -> str:
        raise Unreadable(f"{of.written} has no empty value")


def _octal(value: str) -> str:
    """A string whose other than plain characters are written as octal bytes."""
    plain = "".join(chr(byte) for byte in value.encode("utf-8", "replace"))
    return '"' + re.sub(r"[^ !#-\[\]-~]", lambda m: f"\\{ord(m[0]):03o}", plain) + '"'


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(problem.prompt, rf"\b{re.escape(name)}\s*\(([^()]*)\)\s*\{{")
    types = [_typed.generic(words.rpartition(" ")[0], _KINDS) for words in found]
    lines = []
    for index, call in enumerate(calls):
        args = ", ".join(_typed.arguments(call.args, types, _Form(), _ANY))
        lines.append(f"    forkeval::observe({index}, [] {{ return {name}({args}); }});")
    return _TEST.format(calls="\n".join(lines), marker=marker)
