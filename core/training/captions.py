"""What a world is called: one place in many wordings, most of which leave something out."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .phrases import HELD_OUT, NEUTRAL, PLAIN, TRAINED, TWOFOLD

ATTRIBUTES = {name: tuple(values) for name, values in TRAINED.items()}  # those of `worlds`, as captions speak of them
SPOKEN = {"terrain": 0.92, "time": 0.75, "sky": 0.55, "weather": 0.6}  # how often each is told
SPOKEN_NONE = 0.25  # that there is no weather is said less often
JOINTS = {
    "terrain": (" over ", " above ", ", ", ": ", " across ", " in the "),
    "time": (" at ", ", ", " in the ", " during ", " before "),
    "sky": (" under ", ", ", " with ", " beneath ", " and "),
    "weather": (" in ", ", ", " with ", " and ", " through "),
}
HELD_OUT_FORMS = (
    "We see {terrain}. It is {time} there. The sky: {sky}. In the air: {weather}",
    "{weather}; {sky}; {time}; everywhere {terrain}",
    "{time} and {weather}, {sky}, all around us {terrain}",
)
Said = dict[str, str]


def caption(kinds: Sequence[int] | torch.Tensor, generator: torch.Generator, held_out: bool = False) -> str:
    """One wording of a world, from its indices into ATTRIBUTES; `held_out`: in words and forms never trained on."""
    values = {name: all_of[int(kind)] for (name, all_of), kind in zip(ATTRIBUTES.items(), kinds, strict=True)}
    return held_out_wording(values, generator) if held_out else wording(values, generator)[0]


def wording(values: Said, generator: torch.Generator) -> tuple[str, Said]:
    """A wording and what of `values` it says; at least one thing."""
    said = {name: value for name, value in values.items() if _chance(_share(name, value), generator)}
    said = said or {"terrain": values["terrain"]}
    phrases = _phrases(said, generator)
    text = ""
    for place in torch.randperm(len(phrases), generator=generator).tolist():
        name, phrase = phrases[place]
        text += _pick(JOINTS[name], generator) + phrase if text else phrase
    return _styled(text, generator), said


def held_out_wording(values: Said, generator: torch.Generator) -> str:
    """All of a world in phrases and a form that training never shows."""
    words = {name: _pick(HELD_OUT[name][value], generator) for name, value in values.items()}
    return _pick(HELD_OUT_FORMS, generator).format(**words)


def _phrases(said: Said, generator: torch.Generator) -> list[tuple[str, str]]:
    """Attribute and phrase of everything said; sometimes one phrase says two things."""
    left, phrases = dict(said), []
    for both, wordings in TWOFOLD:
        if both.items() <= left.items() and _chance(0.25, generator):
            phrases.append((list(both)[-1], _pick(wordings, generator)))
            left = {name: value for name, value in left.items() if name not in both}
    for name, value in left.items():
        phrase = _pick(TRAINED[name][value], generator)
        if name == "terrain" and _chance(0.3, generator):
            phrase = f"{_pick(PLAIN, generator)} {phrase}"
        phrases.append((name, phrase))
    return phrases


def _styled(text: str, generator: torch.Generator) -> str:
    """With words about the picture before or behind, sometimes."""
    draw = torch.rand((), generator=generator).item()
    if draw < 0.15:
        return f"{_pick(NEUTRAL, generator)} of {text}"
    if draw < 0.3:
        return f"{_pick(NEUTRAL, generator)}, {text}"
    return f"{text}, {_pick(NEUTRAL, generator)}, {_pick(NEUTRAL, generator)}" if draw < 0.45 else text


def _share(name: str, value: str) -> float:
    return SPOKEN_NONE if value == "none" else SPOKEN[name]


def _chance(share: float, generator: torch.Generator) -> bool:
    return torch.rand((), generator=generator).item() < share


def _pick(choices: tuple[str, ...], generator: torch.Generator) -> str:
    return choices[int(torch.randint(len(choices), (), generator=generator).item())]
