"""What people call what a world may be: phrases for training, and words kept back to see whether others are understood.

The tables name attributes and values as `worlds.ATTRIBUTES` does. A word of `HELD_OUT` stands in no other table.
"""

from __future__ import annotations

import re

Table = dict[str, dict[str, tuple[str, ...]]]


def _rows(text: str) -> tuple[str, ...]:
    """Phrases between semicolons, over as many lines as they need."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


TERRAIN = {
    "mountains": _rows("""
        mountains; mountain range; alpine peaks; high alps; rocky peaks; peaks above a valley; mountain
        ridges; a rugged mountain valley; alpine mountains; foothills; a mountain pass; tall peaks; steep
        slopes; the himalayas; highlands; a volcano; towering peaks; mountain tops; jagged peaks; the rockies;
        the andes; hills and mountains; mountainside; snow-capped mountains; snowy mountains; snow covered
        peaks; ice on the peaks; frozen mountain tops; a snowy ridge; cliffs and peaks; an alpine ridge;
        mountainous land; slopes of a peak; craggy heights; spires of rock; an outcrop on a mountain; crests;
        a crest; steep mountains; a col between peaks; mount everest; the matterhorn; the pyrenees; an alp"""),
    "dunes": _rows("""
        dunes; sand dunes; desert; a sandy desert; the sahara; a dry desert; rolling dunes of sand; waves of
        sand; a sea of sand; barren sand; sandy wastes; desert dunes; the arabian desert; shifting sands;
        endless sand; golden sand dunes; a parched desert; dusty arabian sands; thirsty desert; barren desert;
        waterless desert; a caravan route through the desert; camels in the sand; oasis; mojave desert; the
        kalahari; desert sands; sahara dunes; sandy hills; a hot desert; wind-blown sand"""),
    "plains": _rows("""
        plains; meadow; green fields; grassland; rolling hills; grassy plain; prairie; farmland; pasture;
        countryside; a green field; steppe; hills with grass; lowlands; flat land; wheat fields; rural land;
        meadows with flowers; grassy hills; a wide plain; great plains; the veldt; farm fields; crops; fields
        and hedges; a grassy field; a hill of grass; savanna; grasses; open country; ranch land; grazing land;
        fields of barley; a valley of meadows; heather; marsh; wetlands; downs; vineyards; orchards; bog; fen;
        peat land with heather; uplands; bogs and gorse; windswept bog; a dale; hillocks and grass"""),
    "coast": _rows("""
        coast; beach; sea shore; a beach by the ocean; seaside; shore; a sandy beach; shoreline; coastline; a
        bay; island coast; beaches; cliffs above the sea; headland; surf on the beach; tropical beach; rocky
        coast; coastal cliffs; cape; an island; sand and surf; tide on the shore; coastal waters; beachfront;
        the riviera; gulf coast; islands; seaside cliffs; a beach with palm trees; shingle beach; inlet; an
        estuary"""),
    "sea": _rows("""
        sea; ocean; open ocean; ocean waves; high seas; open water; the deep blue sea; waves; out at sea; the
        pacific; rough sea; a calm sea; the north sea; swell; sea waves; oceans; at sea; stormy seas;
        whitecaps; on the ocean; mediterranean sea; rolling waves; big waves; water to the horizon; maritime;
        offshore; the baltic; sailing on the sea; seas; seawater; a tidal wave; the caribbean sea; choppy
        water"""),
    "snowfield": _rows("""
        snowfield; snow; a snowy plain; arctic; winter landscape; frozen snowfield; glacier; ice and snow;
        white winter land; ice; ice sheet; antarctica; polar; ice field; snow drifts; snowy fields; snow
        covered plain; frozen land; ice cap; winter; antarctic ice; glaciers; the north pole; snows; snow
        covered ground; frozen ground; a field of snow; wintry land; deep snow; ice shelf; alaska; frozen
        plain; snowy tundra; arctic tundra; ski slopes; snowy land; ice floes; snowy waste; sea ice; pack ice"""),
    "forest": _rows("""
        forest; woods; pine forest; a clearing among trees; woodland; a dense wood of fir trees; conifers;
        jungle; tall trees; rainforest; pines; firs; spruce; oak wood; trees; birch trees; forests; dense
        woods; a stand of pines; cedar forest; forest trail; deep in the woods; evergreen trees; tree trunks;
        oaks; tropical forest; undergrowth; foliage; a snowy forest; wooded hills; beech wood; pine trees;
        maple trees; autumn leaves; pinewood; the amazon jungle; canopy of leaves; bamboo; ferns; a forest
        floor"""),
    "canyon": _rows("""
        canyon; red rocks; a red rock canyon; mesas; badlands; cliffs of red sandstone; gorge; monument
        valley; buttes; mars; grand canyon; sandstone; rock walls; a deep canyon; canyons; red cliffs; rock
        formations; sheer rock walls; slot canyon; canyon walls; arizona; rock cliffs; a mesa; eroded rock;
        red rock; a canyon carved by a river; limestone cliffs; sandstone walls; colorado plateau; rock arches"""),
    "city": _rows("""
        city; downtown; skyscrapers; city streets; town; buildings; urban; skyline; towers; office blocks;
        houses; new york; manhattan; apartment blocks; cityscape; alley; street; city blocks; tall buildings;
        high-rise buildings; cities; a street corner; chicago; urban district; shops; office towers; suburbs;
        concrete buildings; village; london; a business district; plaza; a neighborhood; glass and steel
        towers; the old town; a town square; apartments; hotels; storefronts; slums; paris; city center;
        buildings and streets; a block of flats; sidewalk; streets of a town; walls of buildings; a courtyard;
        warehouses"""),
    "road": _rows("""
        road; highway; motorway; country road; asphalt; a road to the horizon; lane; winding road; dirt road;
        paved road; roads; an empty road; long straight road; two-lane road; roadway; driving on the highway;
        route 66; roadside; gravel road; an open road; highway through the hills; interstate; desert road;
        forest road; a road in the snow; coastal road; mountain road; traffic on a highway; tarmac; pavement;
        road trip; a bend in the road; crossroads; a country lane; racetrack; a road through fields"""),
    "lake": _rows("""
        lake; a mountain lake; still water below mountains; a calm lake; reflections in a lake; fjord;
        reservoir; tarn; lakeside; calm water; lakes; water mirror; frozen lake; a forest lake; lake shore;
        quiet lake water; a lake between hills; still water; lake como; fresh water; a mirror of water; placid
        water; lake at the foot of mountains; lake superior; many lakes; lake surface; lake and forest; geneva"""),
}
TIME = {
    "dawn": _rows("""
        dawn; sunrise; early morning; first light; morning; pink morning light; at the crack of dawn; morning
        sun; rising sun; sun coming up; morning light; early hours; early light; dawn light; the sun rises;
        before sunrise; dawning day; mornings; in the morning; early; breakfast time; a new day"""),
    "noon": _rows("""
        noon; daylight; day; bright sunlight; afternoon; daytime; high sun; broad daylight; full sun; lunch
        time; sun overhead; middle of the day; mid-afternoon; noon sun; bright day; sunlight; day light; early
        afternoon; harsh sunlight; sun at its highest; in the daytime; bright light; days; bright; hot sun;
        sun"""),
    "dusk": _rows("""
        dusk; sunset; golden hour; evening; orange evening light; the setting sun; nightfall; late evening;
        blue hour; last light; afterglow; low sun; evening light; end of the day; sun going down; sunsets;
        evening sun; late light; day's end; the sun sets; eve; fading light; failing light; early evening;
        evenings; dusky light; gathering dusk; the day's last glow; half-light; vespers; after sunset; sky
        glowing after sunset"""),
    "night": _rows("""
        night; midnight; moonlight; dark night; nighttime; under the moon; at night; moon; darkness; full
        moon; late at night; dark; overnight; nights; dead of night; late night; black night; in the dark;
        dark hours; crescent moon; night time; all dark; nightly; moonless night; pitch dark; lit by the moon;
        after dark"""),
}
SKY = {
    "clear": _rows("""
        clear; clear sky; cloudless; blue sky; fair weather; clear blue sky; no clouds; without clouds; a sky
        without a cloud; cloudless sky; not a cloud; clear skies; blue skies; deep blue sky; fine weather; not
        cloudy; perfectly clear; bright blue; empty sky; pure blue sky; blue; not overcast; clear day; fair;
        free of clouds; few clouds if any; sunny; open sky"""),
    "clouded": _rows("""
        cloudy; scattered clouds; clouds; partly cloudy; broken clouds; a few clouds; fluffy clouds; white
        clouds; drifting clouds; some clouds; patches of cloud; clouds in the sky; passing clouds; cloud;
        cloudy sky; woolly clouds; partly clouded; clouds drifting by; high clouds; sky with clouds; cotton
        clouds; dramatic clouds; cloudscape; wispy clouds; clouds and sun; big clouds; billowing clouds;
        cloudiness; altocumulus; stratus; small clouds; clouds like cotton; soft clouds; a cloudlet"""),
    "overcast": _rows("""
        overcast; grey sky; gray clouds; dull weather; rain clouds; stormy; a storm coming; heavy clouds; dark
        clouds; a grey day; thunder clouds; threatening sky; overcast sky; thick clouds; low grey clouds;
        gray; grey; bleak sky; storm clouds; storm; stormy sky; sunless; heavy sky; dim grey light; flat grey
        light; drab skies; depressing sky; grim light; cloud cover; solid cloud; gathering storm; gray skies;
        brooding sky; dark skies"""),
}
WEATHER = {
    "none": _rows("""
        clear air; crisp air; dry air; good visibility; no fog; no rain; without haze; without snow; dry
        weather; no wind; fresh air; no haze; not foggy; without rain; calm weather; no precipitation;
        visibility unlimited; clean air; not raining; far sight; no snow; dry; without fog; sharp air"""),
    "haze": _rows("""
        haze; hazy; heat haze; dust in the air; hazy distance; dusty air; haze in the distance; hazy light;
        shimmering air; hazy air; dusty; faint haze; a hazy horizon; haze over the land; light haze;
        pollution; blurred distance; veil of haze; humid air; dust haze; thin haze; hazy blue distance;
        particles in the air"""),
    "fog": _rows("""
        fog; foggy; thick fog; dense fog; a bank of fog; low cloud on the ground; fog rolling in; fogs;
        wrapped in fog; ground fog; lost in fog; fogged in; poor visibility; fog everywhere; swirling fog;
        fogbound; cold fog; vapor; low visibility; heavy fog; white fog; fog banks; a blanket of fog; steam;
        enveloped in fog; a shroud of fog"""),
    "rain": _rows("""
        rain; rainy; showers; wet; raining; pouring rain; rainfall; monsoon; rain falling; heavy rain; rainy
        weather; light rain; rain shower; pouring; wet weather; torrential rain; soaking rain; rains;
        raindrops; rain drops; steady rain; umbrella weather; cloudburst; soaked; rain pours; pelting rain;
        dripping wet"""),
    "snowfall": _rows("""
        snowfall; snowing; falling snow; snow falling; snowstorm; snowflakes; heavy snow; heavy snowfall; snow
        fall; light snow; snow showers; drifting flakes; snow coming down; flakes of snow; snow flakes
        falling; snowfalls; snow in the air; whirling snow; it snows; blowing snow; snow storm; fresh snow
        falling"""),
}
TRAINED: Table = {"terrain": TERRAIN, "time": TIME, "sky": SKY, "weather": WEATHER}

# Phrases that say two things at once.
TWOFOLD: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
    (
        {"time": "night", "sky": "clear"},
        _rows("""
        stars; starry sky; starry night; starlight; under the stars; milky way; a sky full of stars; clear
        night; stars above; night sky with stars; constellations; a million stars"""),
    ),
    ({"time": "noon", "sky": "clear"}, _rows("sunny day; sunny; blazing sun; sun in a clear sky; sunny afternoon")),
    ({"time": "dawn", "sky": "clear"}, _rows("sunny morning; clear morning; bright clear dawn; cloudless dawn")),
    ({"time": "dusk", "sky": "clear"}, _rows("clear evening; sunny evening; cloudless sunset; clear dusk")),
    ({"time": "dawn", "weather": "fog"}, _rows("foggy morning; morning fog; fog at sunrise")),
    (
        {"sky": "overcast", "weather": "rain"},
        _rows("thunderstorm; rain storm; stormy rain; storms; lightning and rain"),
    ),
    ({"sky": "overcast", "weather": "snowfall"}, _rows("snowstorm; winter storm; snow clouds; storm of snow")),
    ({"terrain": "sea", "sky": "overcast"}, _rows("stormy sea; storm at sea; grey ocean under dark clouds")),
    ({"time": "night", "weather": "rain"}, _rows("rainy night; rain in the night; a dark rainy night")),
)

# Words about the picture rather than the place: they change nothing, and nobody needs to be told so.
NEUTRAL = _rows("""
        cinematic; photo; wide shot; film still; establishing shot; background plate; landscape;
        photorealistic; beautiful; scenic; realistic; panorama; epic; matte painting; aerial view; view;
        scene; natural light; vista; detailed; high quality; photograph; movie; plate; background; footage;
        video; camera; shot; hdr; ultra; sharp; wide angle; picture; stunning; majestic; dramatic; scenery;
        environment; concept art; render; moody; atmospheric; masterpiece; quality; documentary; drone shot;
        tracking shot; lens; film; image; style; best; professional; rendering; art; vfx""")

# Said of many places without making them another one.
PLAIN = _rows("""
        vast; lonely; remote; ancient; wild; quiet; empty; old; wide; endless; rugged; distant; great; small;
        big; lovely; desolate; deserted; peaceful; hidden; famous; northern; southern; dark green; golden;
        pale; silent; huge; long; snowy; frozen; snow covered; summer; autumn; spring; windy; warm; cold;
        scottish; american; european; lonely old; bare; bright; green; brown; magnificent; alien; abandoned;
        modern; medieval; strange""")

# Kept back: in no table above, so that what the encoder makes of them shows whether it understands words it never met.
HELD_OUT: Table = {
    "terrain": {
        "mountains": _rows("summits; icy summits; crags; massif; frosty summits; the sierra; pinnacles; escarpments"),
        "dunes": _rows("the gobi; arid sandhills; arid; sandhills; parched gobi sands"),
        "plains": _rows("moor; moorland; the pampas; cornfields; grassy moorland; heathland"),
        "coast": _rows("cove; seashore; promontory; sandy cove; coves; beachside; peninsula"),
        "sea": _rows("the atlantic; breakers; atlantic rollers; tsunami; the indian ocean's breakers"),
        "snowfield": _rows(
            "greenland; permafrost; glacial wastes; icebergs; an icy waste; frosty ground; siberian ice"
        ),
        "forest": _rows("thicket; redwoods; grove; timberland; larches; a grove of sycamores"),
        "canyon": _rows("ravine; chasm; gulch; ravines of utah; utah"),
        "city": _rows("boulevard; avenues; metropolis; tokyo; rooftops; tenements; the boulevards of berlin"),
        "road": _rows("freeway; expressway; turnpike; thoroughfare; autobahn"),
        "lake": _rows("pond; loch; lakeshore; the lochs; lagoon"),
    },
    "time": {
        "dawn": _rows("daybreak; sunup; first rays"),
        "noon": _rows("midday; noonday; sunshine; noontime"),
        "dusk": _rows("twilight; sundown; the gloaming; eventide"),
        "night": _rows("starlit; nocturnal; moonlit; moonrise"),
    },
    "sky": {
        "clear": _rows("azure; unclouded; azure skies; no cumulus"),
        "clouded": _rows("cumulus; cirrus; puffy cumulus; puffy"),
        "overcast": _rows("gloomy; leaden; dreary; thunderheads; sombre skies"),
    },
    "weather": {
        "none": _rows("no mist; without drizzle; no smog; not misty"),
        "haze": _rows("smog; smoky; sooty smog; smoke"),
        "fog": _rows("mist; misty; mists; murk"),
        "rain": _rows("downpour; drizzle; deluge; drizzling; rainstorm"),
        "snowfall": _rows("blizzard; flurries; blizzards; sleet and flurries"),
    },
}


def scenery_words() -> list[str]:
    """All words that say what a place is like, in order,."""
    tables = [phrases for table in (TRAINED, HELD_OUT) for values in table.values() for phrases in values.values()]
    return _words(tables + [phrases for _, phrases in TWOFOLD])


def all_words() -> list[str]:
    """All words of all tables, in order."""
    return sorted({*scenery_words(), *_words([NEUTRAL, PLAIN])})


def _words(tables: list[tuple[str, ...]]) -> list[str]:
    return sorted({word for phrases in tables for phrase in phrases for word in re.findall("[a-z]+", phrase.lower())})
