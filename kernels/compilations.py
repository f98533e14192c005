"""How many kernels Triton has compiled, or loaded from its cache, since it was first asked."""

from __future__ import annotations

from typing import Any

from triton import knobs

_made = 0
_watching = False


def compilations() -> int:
    """Grows whenever a kernel is called for the first time with arguments of some kind: that call
    takes up to seconds, in which the device stands still."""
    global _watching
    if not _watching:
        _watching = True
        before = knobs.runtime.jit_post_compile_hook

        def count(*args: Any, **kwargs: Any) -> Any:
            global _made
            _made += 1
            return None if before is None else before(*args, **kwargs)

        knobs.runtime.jit_post_compile_hook = count
    return _made
