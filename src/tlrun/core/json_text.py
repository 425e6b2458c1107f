"""JSON that others wrote: one way to read it, which raises ValueError alone."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """What a JSON text holds. Raises ValueError where it is none, or is nested without an end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
