"""Bytes and messages: whatever arrives, a line is a message or it is refused, and the next line is read."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from platewright.protocol import Failed, Finished, FrameReady, Hello, Progress, Stage, Warned
from platewright.wire.lines import LINE_BYTES_MAX, BadLineError, Beat, Lines, Message, Order, decode, encode, parse

MESSAGES: list[Message] = [
    Hello(1, "0.1.0", 4711),
    Stage("job", "loading", "the model"),
    Progress("job", "sampling", 3, 30),
    FrameReady("job", 1001, "/plates/shot_v001/shot_v001.1001.exr", "ab" * 32),
    Warned("job", "W_CODE", "a sentence"),
    Finished("job", {"plate": "/plates/shot_v001", "frames": 48, "seconds": 1.5, "match": None}),
    Failed("job", "E_OOM", "too large", "smaller", 4),
    Beat(7),
    Order("run", "job", "/jobs/job/job.json", True),
    Order("cancel", "job"),
    Order("ping"),
    Order("exit"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_went(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1 and line.isascii()
    assert decode(line[:-1]) == message


HOSTILE = [
    "\u2028\u2029\u0085",
    "\r\n\t\0",
    "/plates/\udcff\udc80.exr",
    '"}\n{"say": "order", "verb": "exit"}',
    "$(rm -rf ~); `x`",
    "%s{}",
    "😀\u202e",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_any_text_is_one_line_and_comes_back(text: str) -> None:
    line = encode(Warned("job", "W", text))
    assert Lines().feed(line) == [line[:-1]]
    assert decode(line[:-1]) == Warned("job", "W", text)


BAD = {
    "malformed": b'{"say": "beat", "beat": 1',
    "two objects": b'{"say": "beat", "beat": 1}{}',
    "empty": b"",
    "byte order mark": b'\xef\xbb\xbf{"say": "beat", "beat": 1}',
    "invalid UTF-8": b'{"say": "warned", "job": "\xff", "code": "", "message": ""}',
    "not an object": b"[1]",
    "no kind": b'{"beat": 1}',
    "kind is not text": b'{"say": ["beat"]}',
    "a field is absent": b'{"say": "progress", "job": "j", "stage": "s", "done": 1}',
    "a field is of another kind": b'{"say": "beat", "beat": "1"}',
    "true is no number": b'{"say": "beat", "beat": true}',
    "a fraction is no count": b'{"say": "beat", "beat": 1.0}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"say":' * 100_000,
    "long number": b'{"say": "beat", "beat": ' + b"9" * 5000 + b"}",
    "21 digits": b'{"say": "beat", "beat": ' + b"9" * 21 + b"}",
    "NaN": b'{"say": "finished", "job": "j", "answer": {"x": NaN}}',
    "Infinity": b'{"say": "finished", "job": "j", "answer": {"x": -Infinity}}',
    "beyond a float": b'{"say": "finished", "job": "j", "answer": {"x": 1e400}}',
    "a key twice": b'{"say": "beat", "beat": 1, "beat": 2}',
    "a key twice inside": b'{"say": "finished", "job": "j", "answer": {"x": 1, "x": 2}}',
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_refused(line: bytes) -> None:
    with pytest.raises(BadLineError):
        decode(line)


def test_a_carriage_return_is_only_space() -> None:
    assert decode(b'{"say": "beat", "beat": 1}\r') == Beat(1)


def test_a_newer_version_may_say_more() -> None:
    assert decode(b'{"say": "beat", "beat": 1, "mood": "good"}') == Beat(1)
    assert decode(b'{"say": "weather", "rain": true}') is None


@pytest.mark.parametrize("value", [float("nan"), object(), "y" * LINE_BYTES_MAX], ids=["nan", "object", "long"])
def test_what_cannot_be_read_is_not_written(value: object) -> None:
    with pytest.raises(BadLineError):
        encode(Finished("job", {"x": value}))


def test_lines_survive_any_cutting_of_the_stream() -> None:
    whole = b"".join(map(encode, MESSAGES))
    for seed in range(50):
        rng, lines, got = random.Random(seed), Lines(), []
        rest = whole
        while rest:
            size = rng.randint(1, 90)
            got += lines.feed(rest[:size])
            rest = rest[size:]
        assert [decode(line) for line in got] == MESSAGES
        assert not lines.unfinished


def test_a_line_without_end_is_dropped_and_the_next_one_read() -> None:
    lines = Lines()
    got = [line for _ in range(48) for line in lines.feed(b"x" * 65536)]
    assert got == [] and lines.unfinished
    assert lines.feed(b"x\n" + encode(Beat(1))) == [encode(Beat(1))[:-1]]
    assert lines.dropped == 1 and not lines.unfinished


def test_the_longest_line_is_read_and_one_byte_more_is_not() -> None:
    lines = Lines()
    assert len(lines.feed(b"x" * LINE_BYTES_MAX + b"\n")) == 1
    assert lines.feed(b"x" * (LINE_BYTES_MAX + 1) + b"\n") == []
    with pytest.raises(BadLineError):
        parse(b" " * (LINE_BYTES_MAX + 1))


def test_a_cut_line_at_the_end_is_seen() -> None:
    lines = Lines()
    lines.feed(encode(Beat(1)) + b'{"say": "fini')
    assert lines.unfinished


def test_no_mutation_of_a_stream_gets_past_the_reader() -> None:
    """Flipped bytes, cut and doubled pieces: a line is a message or a BadLineError, never anything else."""
    rng = random.Random(20260)
    originals = [encode(message) for message in MESSAGES]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(20_000):
        line = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(line))
            mutation = rng.randrange(4)
            if mutation == 0:
                line[at] = rng.randrange(256)
            elif mutation == 1:
                del line[at : at + rng.randint(1, 8)]
            elif mutation == 2:
                line[at:at] = line[at : at + rng.randint(1, 20)]
            else:
                line[at:at] = rng.choice([b"\n", b"[", b"{", b'"', b"\\u", b"1e999", b"NaN", b"\xff"])
            line = line or bytearray(b" ")
        for piece in Lines().feed(bytes(line) + b"\n"):
            try:
                decode(piece)
                outcomes["read"] += 1
            except BadLineError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 500


def test_a_prompt_that_looks_like_an_order_stays_text() -> None:
    said = replace(Warned("job", "W", ""), message=encode(Order("exit")).decode())
    assert decode(encode(said)[:-1]) == said
    assert json.loads(encode(said))["say"] == "warned"
