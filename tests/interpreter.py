"""Triton's interpreter where a test is about bits."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np


def products_in_one_order() -> Any:
    """A context in which a row of a tile's product is rounded the same whatever its place.

    The interpreter multiplies by a library that, on some processors, sums a tile's rows in
    different orders; that a chip does not is tested on the chip.
    """
    return mock.patch.object(np, "matmul", _in_one_order)


def _in_one_order(a: Any, b: Any, dtype: Any) -> Any:
    return np.einsum("...ik,...kj->...ij", a, b, dtype=dtype)
