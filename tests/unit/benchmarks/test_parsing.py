"""Text that brings a parser down brings nothing else down."""

from __future__ import annotations

import os
import signal

import pytest

from pipeline.benchmarks import parsing
from pipeline.benchmarks.parsing import Parsing
from pipeline.benchmarks.truncation import truncate
from pipeline.records import TruncationRule, UserError
from tests.unit.benchmarks.functions import BODIES, PROMPTS, RULES

ENDLESS = "    print <<A;\n$~}"  # tree-sitter-perl 2.0.3 never comes back from this


def test_a_parser_that_does_not_come_back_is_ended() -> None:
    cut = truncate(RULES["perl"], PROMPTS["perl"], ENDLESS, ())
    assert cut[:2] == (ENDLESS, "unterminated")
    body = BODIES["perl"][0]
    assert truncate(RULES["perl"], PROMPTS["perl"], body + "\nx", ()).kept == body


def test_a_parser_that_dies_is_replaced() -> None:
    one = Parsing()
    ask = (RULES["java"], PROMPTS["java"], BODIES["java"][0])
    end = one.function_end(*ask)
    assert end == (len(BODIES["java"][0]), "function_end")
    assert one._process is not None
    os.kill(one._process.pid, signal.SIGSEGV)
    one._process.wait()
    assert one.function_end(*ask) == end
    one.close()
    assert one.function_end(*ask) == end
    one.close()


def test_what_is_wrong_with_a_rule_or_with_us_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Parsing()
    with pytest.raises(UserError, match="pip install tree-sitter-elvish"):
        one.function_end(TruncationRule("elvish", "function"), "", "x")
    monkeypatch.setattr(parsing, "asdict", lambda rule: {"grammar": 5, "end": "function"})
    with pytest.raises(RuntimeError, match="the parser's process failed:\nTraceback"):
        one.function_end(RULES["java"], "", "x")
    one.close()
