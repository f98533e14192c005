"""Perl: a scalar that looks like a number is one; true is 1 and false the empty string."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Value
from pipeline.records import Problem

_TEST = """
{{
    my $forkeval_text = sub {{
        my $x = shift;
        $x =~ s/(["\\\\\\x00-\\x1f])/sprintf("\\\\u%04x", ord($1))/ge;
        return '"' . $x . '"';
    }};
    my $forkeval_show;
    $forkeval_show = sub {{
        my $x = shift;
        return "null" unless defined $x;
        my $kind = ref $x;
        if ($kind eq "ARRAY") {{
            return "[" . join(",", map {{ $forkeval_show->($_) }} @$x) . "]";
        }}
        if ($kind eq "HASH") {{
            return '{{"m":[' . join(",", map {{
                "[" . $forkeval_show->($_) . "," . $forkeval_show->($x->{{$_}}) . "]"
            }} sort keys %$x) . "]}}";
        }}
        return '{{"o":' . $forkeval_text->($kind) . "}}" if $kind;
        return "$x" if $x =~ /\\A-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:e[-+]?[0-9]+)?\\z/;
        return $forkeval_text->($x);
    }};
    my @forkeval_calls = (
{calls}
    );
    $| = 1;
    for my $forkeval_index (0 .. $#forkeval_calls) {{
        my $forkeval_line = eval {{
            my $value = $forkeval_calls[$forkeval_index]->();
            $forkeval_show->($value);
        }};
        $forkeval_line = "!" unless defined $forkeval_line;
        print STDOUT "\\n{marker} $forkeval_index $forkeval_line\\n";
    }}
}}
"""


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    lines = "\n".join(
        f"        sub {{ scalar({problem.entry_point}({', '.join(map(literal, call.args))})) }},"
        for call in calls
    )
    return _TEST.format(calls=lines, marker=marker)


def literal(value: Value) -> str:
    match value:
        case Pairs(items):
            return "{" + ", ".join(f"{literal(k)} => {literal(v)}" for k, v in items) + "}"
        case Elements(items):
            return "[" + ", ".join(map(literal, items)) + "]"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
        case None:
            return "undef"
        case bool():
            return "1" if value else '""'
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case _:
            return json.dumps(value)
