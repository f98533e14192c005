"""Tells an address what came of a night. That it does not answer is no fault of the night."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

SECONDS = 20


def post(address: str, doc: dict[str, Any]) -> None:
    """POSTs the summary as JSON; a failure is a note."""
    request = urllib.request.Request(
        address,
        json.dumps(doc).encode(),
        {"Content-Type": "application/json", "User-Agent": "forkeval"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            answer.read()
    except (OSError, ValueError) as fault:  # URLError and HTTPError are OSErrors
        print(f"forkeval: note: webhook {address}: {fault}", file=sys.stderr)
