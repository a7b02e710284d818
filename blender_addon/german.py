"""German: what Blender is given to look up, by context and English text."""

from __future__ import annotations

GERMAN: dict[tuple[str, str], str] = {}
