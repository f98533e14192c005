"""The ledger by purpose as rows of text, which both pages show."""

from __future__ import annotations

from typing import Any

from reports.html import amount

COLUMNS = (  # column of the document, heading, unit
    ("calls", "calls", "tokens"),
    ("prompt_tokens_billed", "prompt tokens", "tokens"),
    ("prompt_tokens_shared", "shared", "tokens"),
    ("generated_tokens", "generated", "tokens"),
    ("discarded_tokens", "after the stop", "tokens"),
    ("flops_billed", "FLOPs", "FLOP"),
    ("flops_shared", "shared", "FLOP"),
    ("device_seconds", "device s", "s"),
    ("joules", "joules", "J"),
    ("sandbox_cpu_seconds", "sandbox CPU s", "s"),
    ("money", "money", ""),
)
EXPLAINED = (
    "Shared: every prompt and header once. Joules are read from the device's own counter, which "
    "counts the whole device, and are never estimated: a dash is a device without one. Device "
    "seconds are prefill and decode. Observation: programs that rankers ran."
)


def heads(doc: dict[str, Any]) -> list[str]:
    currency = next(e["unit"] for e in doc["ledger"] if e["name"] == "money")
    return ["purpose", *(f"{currency}" if c == "money" else head for c, head, _ in COLUMNS)]


def rows(doc: dict[str, Any]) -> list[list[str]]:
    return [
        [one["purpose"].replace("_", " "), *(amount(one[c], unit) for c, _, unit in COLUMNS)]
        for one in doc["purposes"]
    ]
