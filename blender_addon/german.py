"""German, by the English that it stands for.

A plate stays a Plate, as German compositors say it; a frame is an Einzelbild, a seed a Startwert, the preferences are
the Benutzereinstellungen, as in Blender's own German. Tooltips and hints say what to do in the infinitive.
"""

from __future__ import annotations

from .german_core import CORE
from .german_errors import ERRORS
from .german_faults import FAULTS
from .german_fetching import FETCHING
from .german_hints import HINTS
from .german_jobs import JOBS
from .german_panel import PANEL
from .german_provenance import PROVENANCE
from .german_runtime import RUNTIME
from .german_sentences import SENTENCES
from .german_shots import SHOTS
from .german_ways import WAYS

GERMAN = {
    **PANEL, **JOBS, **WAYS, **PROVENANCE, **RUNTIME, **SHOTS, **ERRORS, **CORE, **FAULTS, **FETCHING, **HINTS,
    **SENTENCES,
}  # fmt: skip
