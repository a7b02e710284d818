"""What a world is called: the same seed in many wordings."""

from __future__ import annotations

import torch

from platewright.conditioning import LINKING

from .worlds import Kind

TERRAIN_WORDS = {
    "mountains": (
        "mountains",
        "alpine peaks",
        "a mountain range",
        "high alps",
        "rocky peaks above a valley",
        "summits and foothills",
        "a rugged mountain valley",
        "alpine mountains",
    ),
    "desert": (
        "desert",
        "sand dunes",
        "a sandy desert",
        "dunes",
        "the sahara",
        "a dry arid desert",
        "rolling dunes of sand",
        "wasteland",
    ),
    "meadow": (
        "meadow",
        "green fields",
        "grassland",
        "rolling hills with grass",
        "a grassy plain",
        "prairie",
        "farmland",
        "pasture",
        "countryside",
        "a green field",
        "steppe",
    ),
    "forest": (
        "forest",
        "woods",
        "a pine forest",
        "a clearing among trees",
        "woodland",
        "a dense wood of fir trees",
        "conifers",
        "jungle",
        "tall trees",
    ),
    "snow": (
        "snow",
        "a snowy plain",
        "arctic tundra",
        "winter landscape",
        "frozen snowfield",
        "a glacier",
        "ice and snow",
        "snow covered mountains",
        "white winter land",
    ),
    "coast": (
        "coast",
        "the sea",
        "a beach by the ocean",
        "seaside",
        "shore",
        "ocean waves and a sandy beach",
        "a bay",
        "open ocean",
        "island coast",
    ),
    "canyon": (
        "canyon",
        "red rocks",
        "a red rock canyon",
        "mesas",
        "badlands",
        "cliffs of red sandstone",
        "a gorge",
        "monument valley",
        "buttes",
        "mars",
    ),
    "lake": (
        "lake",
        "a mountain lake",
        "still water below mountains",
        "a calm lake",
        "reflections in a lake",
        "fjord",
        "a reservoir",
        "tarn",
        "loch",
    ),
}
TIME_WORDS = {
    "dawn": ("dawn", "sunrise", "early morning", "first light", "daybreak", "morning", "pink morning light"),
    "noon": ("noon", "midday", "daylight", "day", "bright sunlight", "afternoon", "daytime", "sunny day"),
    "dusk": ("dusk", "sunset", "golden hour", "evening", "twilight", "orange evening light", "the setting sun"),
    "night": ("night", "midnight", "moonlight", "dark night", "moonlit night", "nighttime", "under the moon"),
}
WEATHER_WORDS = {
    "clear": ("clear", "clear sky", "cloudless", "blue sky", "fair weather", "crisp air"),
    "cloudy": (
        "cloudy",
        "scattered clouds",
        "clouds",
        "partly cloudy",
        "broken clouds",
        "a few clouds",
        "fluffy clouds",
    ),
    "overcast": (
        "overcast",
        "grey sky",
        "gloomy",
        "gray clouds",
        "dull weather",
        "rain clouds",
        "stormy",
        "a storm coming",
    ),
    "fog": ("fog", "foggy", "mist", "misty", "haze", "hazy", "thick fog", "murky"),
}
CLEAR_AT_NIGHT = ("stars", "starry sky", "starlight")
NEUTRAL = (
    "cinematic",
    "photo",
    "wide shot",
    "film still",
    "establishing shot",
    "background plate",
    "landscape",
    "photorealistic",
    "beautiful",
    "scenic",
    "realistic",
    "panorama",
    "epic",
    "matte painting",
    "aerial view",
    "view",
    "scene",
    "natural light",
    "vista",
    "detailed",
    "high quality",
    "4k",
)
TEMPLATES = (
    "{terrain} at {time}, {weather}",
    "{terrain}, {time}, {weather}",
    "{weather} {time} over {terrain}",
    "{time}: {terrain}, {weather}",
    "{neutral}, {terrain} at {time}, {weather}",
    "{terrain} at {time}, {weather}, {neutral}",
    "{neutral} of {terrain}, {weather}, {time}",
    "{terrain} under {weather} at {time}, {neutral}",
)
SHORT_TEMPLATES = (
    "{terrain}",
    "{terrain} at {time}",
    "{time}, {terrain}",
    "{terrain}, {weather}",
    "{neutral}, {terrain}, {time}",
)
HELD_OUT_TEMPLATE = "{weather} and {time}: a {neutral} with {terrain}"


def caption(kind: Kind, generator: torch.Generator) -> str:
    """One wording of a kind; sometimes it says less than there is to see."""
    short = torch.rand((), generator=generator).item() < 0.25
    return _filled(_pick(SHORT_TEMPLATES if short else TEMPLATES, generator), kind, generator)


def held_out_caption(kind: Kind, generator: torch.Generator) -> str:
    """A wording in a form never trained on."""
    return _filled(HELD_OUT_TEMPLATE, kind, generator)


def vocabulary() -> list[str]:
    """All words that captions are made of, in order, without the linking ones."""
    tables = [*TERRAIN_WORDS.values(), *TIME_WORDS.values(), *WEATHER_WORDS.values(), CLEAR_AT_NIGHT, NEUTRAL]
    words = {word for phrases in tables for phrase in phrases for word in phrase.split()}
    return sorted(words - LINKING)


def _filled(template: str, kind: Kind, generator: torch.Generator) -> str:
    weather = WEATHER_WORDS[kind.weather]
    if kind.weather == "clear" and kind.time == "night":
        weather = (*CLEAR_AT_NIGHT, *weather[:3])
    return template.format(
        terrain=_pick(TERRAIN_WORDS[kind.terrain], generator),
        time=_pick(TIME_WORDS[kind.time], generator),
        weather=_pick(weather, generator),
        neutral=_pick(NEUTRAL, generator),
    )


def _pick(choices: tuple[str, ...], generator: torch.Generator) -> str:
    return choices[int(torch.randint(len(choices), (), generator=generator).item())]
