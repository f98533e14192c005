"""Where the function that a prompt began ends in its completion."""

from __future__ import annotations

from pipeline.benchmarks import closing_end, margin_end
from pipeline.benchmarks.syntax import Found, encoded
from pipeline.records import TruncationRule


def function_end(rule: TruncationRule, prompt: str, text: str) -> tuple[int | None, Found]:
    """Index in `text` where what the prompt began ends; where there is none, what that means.

    The end of a whole and sound function is found by what precedes it alone, so that nothing which
    a model writes behind it, up to half a statement of anything, changes how it is read. Only where
    there is none the whole text is parsed, and the parser's recovery from errors decides.

    Raises UserError where the rule's grammar is not installed.
    """
    if rule.end == "stop":
        return None, "none"
    style = margin_end if rule.end == "margin" else closing_end
    sound = style.sound_end(rule, prompt, text)
    if sound is not None:
        return sound, "function_end"
    head, source = len(encoded(prompt)), encoded(prompt + text)
    end, kind = style.broken_end(rule, prompt, source, head)
    if end is None:
        return None, kind
    return len(source[head:end].decode("utf-8", "surrogatepass")), kind
