"""An OpenTimelineIO timeline (.otio) with the frames as one clip on one video track.

The file is OpenTimelineIO's own JSON with the oldest schemas that say what is needed, so that every release since
0.13 reads it; nothing has to be installed to write it. Times count frames: the clip starts at the number of its first
frame, as the time code in the frames' headers does. A rate is a double in OpenTimelineIO; the exact fraction is in
the metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .shot import Numbered, Shot, relative_url


def name(shot: Shot) -> str:
    """What the file is called."""
    return f"{shot.name}.otio"


def document(shot: Shot, frames: Numbered, url: str) -> dict[str, Any]:
    """The timeline as JSON holds it; `url` is the folder of the frames, with a slash at its end."""
    rate = float(shot.camera.rate)
    start = {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(frames.first)}
    long = {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(frames.last - frames.first + 1)}
    span = {"OTIO_SCHEMA": "TimeRange.1", "start_time": start, "duration": long}
    facts = {"platewright": shot.facts()}
    media = {
        "OTIO_SCHEMA": "ImageSequenceReference.1",
        "metadata": facts,
        "name": shot.name,
        "available_range": span,
        "target_url_base": url,
        "name_prefix": frames.before,
        "name_suffix": frames.after,
        "start_frame": frames.first,
        "frame_step": 1,
        "rate": rate,
        "frame_zero_padding": frames.digits,
        "missing_frame_policy": "error",
    }
    rest = {"metadata": {}, "effects": [], "markers": []}
    clip = {"OTIO_SCHEMA": "Clip.1", "name": shot.name, "source_range": span, "media_reference": media, **rest}
    track = {"OTIO_SCHEMA": "Track.1", "name": "V1", "kind": "Video", "source_range": None, "children": [clip], **rest}
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "source_range": None, "children": [track], **rest}
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "name": shot.name,
        "metadata": facts,
        "global_start_time": start,
        "tracks": stack,
    }


def write(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; the frames are named relative to `folder`, where the file is going to be. OSError."""
    assert shot.frames, "asked for frames before"
    url = relative_url(shot.frames.folder, folder) + "/"
    part.write_text(json.dumps(document(shot, shot.frames, url), indent=4) + "\n", "ascii", newline="\n")
