"""Prompts as the embedded model reads them: the words it knows, those it tells of, and the vector of what is said."""

from __future__ import annotations

import pytest
import torch

from platewright.models import draft
from platewright.nets.draft_text import LINKING, STYLE, TextConfig, TextEncoder, spelled, word_indices
from training import wording
from training.phrases import NEUTRAL, TRAINED

WORDS = ("desert", "snow", "night", "fog", "spaceship", "golden")
ATTRIBUTES = {"terrain": ["dunes", "snowfield"], "time": ["noon", "night"]}


@pytest.fixture
def encoder() -> TextEncoder:
    """Four words with a meaning each, read as: desert dunes, snow snowfield, night night; the others say nothing."""
    letters = "\n".join(WORDS).encode()
    encoder = TextEncoder(TextConfig(len(WORDS), len(letters), ATTRIBUTES, dimensions=6, hidden=6)).requires_grad_(
        False
    )
    for tensor in encoder.state_dict().values():
        tensor.zero_()
    encoder.table[1:] = torch.eye(6, dtype=torch.int8)
    encoder.scales.fill_(1.0)
    encoder.letters.copy_(torch.tensor(list(letters), dtype=torch.uint8))
    encoder.look.weight[:, 6:12] = torch.eye(6)  # each word as it is, whatever its neighbours
    encoder.weigh.bias.fill_(-8.0)
    for word, value, attribute in ((0, 0, 0), (1, 1, 0), (2, 3, 1)):
        encoder.say.weight[value, word] = 20.0
        encoder.weigh.weight[attribute, word] = 16.0
    return encoder.eval()


def test_silence_is_nothing_and_so_are_words_without_meaning_here(encoder: TextEncoder) -> None:
    silent = encoder.read(["", "zzz qqq", "🜁 — !"])
    assert silent.shape == (3, 4) and not silent.any()
    assert float(encoder.read(["spaceship"]).max()) < 0.4


def test_what_is_said_is_read(encoder: TextEncoder) -> None:
    vectors = encoder.read(["A DESERT at night", "snow", "night, snow"])
    assert [encoder.understood(vector) for vector in vectors] == [
        {"terrain": "dunes", "time": "night"},
        {"terrain": "snowfield"},
        {"terrain": "snowfield", "time": "night"},
    ]
    assert bool((vectors[:, :2].sum(1) <= 1).all()) and bool((vectors >= 0).all())


def test_padding_and_company_in_the_batch_change_nothing(encoder: TextEncoder) -> None:
    alone = encoder.read(["desert"])
    together = encoder.read(["desert", "night snow fog golden spaceship desert"])
    torch.testing.assert_close(alone[0], together[0])
    assert not torch.allclose(together[0], together[1])


def test_words_it_cannot_draw_are_told_once_and_style_is_not(encoder: TextEncoder) -> None:
    prompt = "Cinematic photo of a spaceship over the deserts, zeppelin, spaceship, photorealistic, at night"
    assert encoder.left_out(prompt) == ["zeppelin", "spaceship"]
    assert encoder.left_out("") == encoder.left_out("the desert in the night") == []


def test_a_very_long_prompt_is_read(encoder: TextEncoder) -> None:
    assert encoder.understood(encoder.read(["zeppelin desert " * 5000])[0]) == {"terrain": "dunes"}
    assert encoder.left_out("zeppelin desert " * 5000) == ["zeppelin"]


def test_case_and_plain_endings_do_not_matter() -> None:
    places = {"mountains": 1, "fog": 2, "night": 3, "snowing": 4, "snow": 5}
    assert word_indices("A MOUNTAIN in the foggy Night, snow", places) == ([1, 3, 5], ["foggy"])
    assert word_indices("fogs over Mountains, snowy", places) == ([2, 1, 5], [])
    assert word_indices("", places) == ([], [])


def test_words_in_any_script_are_words() -> None:
    assert spelled("Straße_nach東京, l'été!") == ["strasse", "nach東京", "l", "été"]


def test_style_words_of_captions_are_known_as_such() -> None:
    assert not {word for phrase in NEUTRAL for word in spelled(phrase)} - STYLE - LINKING


def test_weights_of_another_shape_do_not_fit(encoder: TextEncoder) -> None:
    other = TextEncoder(TextConfig(7, 3, ATTRIBUTES, 6, 6))
    with pytest.raises(RuntimeError, match="table"):
        other.load_state_dict(encoder.state_dict())


@pytest.fixture(scope="module")
def blank() -> TextEncoder:
    """The committed words, nothing learned."""
    return wording.blank()


def nearest(encoder: TextEncoder, word: str, others: tuple[str, ...]) -> str:
    """Which of the others is most like a word."""
    rows = [encoder.dictionary()[name] for name in (word, *others)]
    vectors = encoder.table[rows].float() * encoder.scales[rows][:, None]
    return others[int((vectors[1:] @ vectors[0]).argmax())]


@pytest.mark.parametrize(
    ("word", "others", "best"),
    [
        ("downpour", ("desert", "rain", "night"), "rain"),
        ("twilight", ("noon", "dusk", "midnight"), "dusk"),
        ("tarn", ("lake", "street", "dunes"), "lake"),
        ("boulevard", ("street", "forest", "ocean"), "street"),
        ("mist", ("snow", "fog", "sun"), "fog"),
        ("rocket", ("mountain", "spacecraft", "fog"), "spacecraft"),
    ],
)
def test_the_table_knows_what_words_are_like(blank: TextEncoder, word: str, others: tuple[str, ...], best: str) -> None:
    assert nearest(blank, word, others) == best


def test_the_table_has_words_once_and_unit_vectors(blank: TextEncoder) -> None:
    assert len(blank.dictionary()) == blank.config.words == 22_000
    lengths = (blank.table[1:].float() * blank.scales[1:, None]).norm(dim=1)
    assert bool(((lengths > 0.98) & (lengths < 1.02)).all())


@pytest.fixture(scope="module")
def shipped() -> TextEncoder:
    """The reader inside the package."""
    return draft.open("cpu").loaded.text


def test_plain_words_are_read_as_they_are_meant(shipped: TextEncoder) -> None:
    """Every word that captions hold, alone and after a place: at most one in thirty is read as anything else."""
    for name, values in TRAINED.items():
        beside = "" if name == "terrain" else "a lake, "
        phrases = [(beside + phrase, value) for value, phrases in values.items() for phrase in phrases]
        read = shipped.read([phrase for phrase, _ in phrases])
        said = [shipped.understood(vector).get(name) for vector in read]
        wrong = [phrase for (phrase, value), heard in zip(phrases, said, strict=True) if heard != value]
        assert len(wrong) <= len(phrases) / 30, f"{name}: {wrong}"
        own = [phrases[0] for phrases in values.values()]
        assert not set(wrong) & {beside + phrase for phrase in own}


def test_words_that_no_caption_held_are_mostly_read_as_meant(shipped: TextEncoder, blank: TextEncoder) -> None:
    words = {"terrain": 0.75, "time": 0.85, "sky": 0.75, "weather": 0.9}
    captions = {"terrain": 0.75, "time": 0.85, "sky": 0.5, "weather": 0.9}
    for read, least in ((wording.held_out_shares, words), (wording.caption_shares, captions)):
        shares = read(shipped)
        assert all(shares[name] >= share for name, share in least.items()), shares
        assert not any(read(blank)[name] >= share for name, share in least.items())
