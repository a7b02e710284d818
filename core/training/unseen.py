"""Prompts as people write them, in words and turns no caption has: what the reader of prompts is judged by.

Each part of a prompt that matters rests on a kept-back word of `phrases.HELD_OUT` or on a word that stands in no table
at all, but for the first one's "dusk". Where two readings are sound, both are accepted.
"""

from __future__ import annotations

Prompt = tuple[str, dict[str, set[str]]]


def _prompt(text: str, **accepted: str) -> Prompt:
    return text, {name: set(values.split("|")) for name, values in accepted.items()}


PROMPTS: tuple[Prompt, ...] = (
    _prompt("dusk over icy peaks", terrain="mountains|snowfield", time="dusk"),
    _prompt("twilight above frosty summits", terrain="mountains|snowfield", time="dusk"),
    _prompt("downpour on the boulevard", terrain="city|road", weather="rain"),
    _prompt("mist over the moor", terrain="plains", weather="fog|haze"),
    _prompt("a metropolis just after sundown", terrain="city", time="dusk"),
    _prompt("blizzard over the permafrost", terrain="snowfield", weather="snowfall"),
    _prompt("drizzle on the freeway", terrain="road", weather="rain"),
    _prompt("an expressway, midday", terrain="road", time="noon"),
    _prompt("the loch at daybreak", terrain="lake", time="dawn"),
    _prompt("a pond under cumulus", terrain="lake", sky="clouded"),
    _prompt("crags beneath leaden skies", terrain="mountains|canyon", sky="overcast"),
    _prompt("atlantic breakers, gloomy", terrain="sea|coast", sky="overcast"),
    _prompt("a secluded cove, azure skies", terrain="coast", sky="clear"),
    _prompt("seashore in the gloaming", terrain="coast", time="dusk"),
    _prompt("the arid gobi in full sunshine", terrain="dunes", time="noon"),
    _prompt("redwoods wrapped in mist", terrain="forest", weather="fog|haze"),
    _prompt("a thicket, starlit", terrain="forest", time="night"),
    _prompt("moonlit rooftops", terrain="city", time="night"),
    _prompt("a ravine at sunup", terrain="canyon", time="dawn"),
    _prompt("the chasm, noonday", terrain="canyon", time="noon"),
    _prompt("smog above tokyo", terrain="city", weather="haze|fog"),
    _prompt("the pampas, a deluge", terrain="plains", weather="rain"),
    _prompt("icebergs and flurries", terrain="snowfield|sea", weather="snowfall"),
    _prompt("glacial waste at twilight", terrain="snowfield", time="dusk"),
    _prompt("avenues, rainstorm, nocturnal", terrain="city|road", weather="rain", time="night"),
    _prompt("massif with cirrus overhead", terrain="mountains", sky="clouded"),
    _prompt("moorland, puffy cumulus, midday", terrain="plains", sky="clouded", time="noon"),
    _prompt("the sierra at daybreak, misty", terrain="mountains", time="dawn", weather="fog|haze"),
    _prompt("an autobahn through drizzle", terrain="road", weather="rain"),
    _prompt("cornfields under thunderheads", terrain="plains", sky="overcast|clouded"),
    _prompt("a lagoon, unclouded", terrain="lake|coast", sky="clear"),
    _prompt("grove of sycamores, dreary", terrain="forest", sky="overcast"),
    _prompt("tsunami", terrain="sea|coast"),
    _prompt("timberland in a blizzard", terrain="forest|snowfield", weather="snowfall"),
    _prompt("tenements, no mist", terrain="city", weather="none"),
    _prompt("gulch, without drizzle", terrain="canyon", weather="none"),
    # words that were thought of for this list alone
    _prompt("the everglades at eleven in the morning", terrain="plains|lake|forest", time="dawn|noon"),
    _prompt("dakar seafront after nightfall", terrain="coast|city", time="dusk|night"),
    _prompt("hong kong harbour in a typhoon", terrain="city|coast|sea", weather="rain"),
    _prompt("a hamlet among barley", terrain="plains|city"),
    _prompt("karakoram", terrain="mountains"),
    _prompt("nile delta farmland in glaring heat", terrain="plains"),
    _prompt("sleepy suburb, drenched", terrain="city", weather="rain"),
    _prompt("scandinavian spruces, whiteout", terrain="forest|snowfield"),
    _prompt("namibian sandstorm", terrain="dunes"),
    _prompt("the bering strait", terrain="sea|snowfield|coast"),
    _prompt("a bridle path winding past hedgerows", terrain="road|plains"),
    _prompt("shinjuku intersection", terrain="city|road"),
    _prompt("yosemite ridgeline at first glow", terrain="mountains|canyon", time="dawn"),
    _prompt("a crater lake", terrain="lake"),
)
