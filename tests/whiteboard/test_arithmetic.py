"""Points as a crowd is told them: what is read is what was written, whoever heard of it otherwise before, whatever the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from classroom.whiteboard.arithmetic import Block, Course, Heard, Reader, Stroke, Writer
from classroom.whiteboard.quantise import Packer
from tests.vectors.boards import good

UNITS = st.one_of(st.integers(-12, 12), st.integers(-4_000_000, 4_000_000))
MOST = 256


@st.composite
def messages(draw: st.DrawFn) -> tuple[bool, list[list[Block]]]:
    """Blocks that are told together, message by message."""
    pressed = draw(st.booleans())
    points = st.lists(st.tuples(UNITS, UNITS), min_size=1, max_size=12)

    def block(path: list[tuple[int, int]]) -> st.SearchStrategy[Block]:
        size = len(path) if pressed else 0
        return st.builds(Block, st.just(path), st.lists(st.integers(0, 32), min_size=size, max_size=size))

    blocks = st.lists(points.flatmap(block), min_size=1, max_size=3)
    return pressed, draw(st.lists(blocks, min_size=1, max_size=5))


@given(messages(), st.booleans())
def test_what_is_read_is_what_was_written(told: tuple[bool, list[list[Block]]], half: bool) -> None:
    pressed, each = told
    writing, reading = Course(pressed), Course(pressed)
    for blocks in each:
        writer = Writer()
        writing.write(writer, blocks)
        message = writer.bytes(0x70 if half else None)
        assert not half or message[0] >> 4 == 7
        assert reading.read(Reader(message, half), MOST) == blocks


@given(messages(), st.integers(0, 4))
def test_who_heard_of_the_beginning_otherwise_reads_on(told: tuple[bool, list[list[Block]]], heard: int) -> None:
    # given a stroke whose beginning somebody was told at length
    pressed, each = told
    packer = Packer(pressures=pressed)
    pieces = [b"".join(packer.block(*block) for block in blocks) for blocks in each]
    writing, reading = Stroke(packer.header[0]), Stroke(packer.header[0])
    for piece in pieces[:heard]:
        assert writing.take(piece, Writer(), MOST)
    if heard:
        assert reading.take(b"".join(pieces[:heard]), Heard(), MOST)

    # when it goes on
    for piece in pieces[heard:]:
        writer = Writer()
        assert writing.take(piece, writer, MOST)

        # then they read the very bytes
        assert reading.read(Reader(writer.bytes()), MOST) == piece
    assert reading.points == writing.points


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_whatever_the_bytes_reading_ends(data: bytes, pressed: bool, half: bool) -> None:
    try:
        blocks = Course(pressed).read(Reader(data, half), MOST)
    except ValueError:
        return
    assert 0 < sum(len(block.points) for block in blocks) <= MOST


def test_bytes_that_nobody_packs_so_cannot_be_told() -> None:
    packed = Packer().block([(0, 0), (5, 5), (9, 2)])
    for wrong in (b"", packed[:-1], packed + b"\x00", packed[:-1] + bytes((packed[-1] | 1,)), b"\x83\x00" + packed[1:]):
        assert not Stroke(2).take(wrong, Writer(), MOST)
    assert not Stroke(2).take(packed, Writer(), most=2)
    assert Stroke(2).take(packed, Writer(), most=3)


def test_handwriting_is_told_in_fewer_bytes_than_it_is_packed_in() -> None:
    packed = told = 0
    for row in good()[-6:]:
        packer, stroke, path, pressures = Packer(pressures=True), Stroke(0x12), row["points"], row["pressures"]
        for at in range(0, len(path), 4):
            block, writer = packer.block(path[at : at + 4], pressures[at : at + 4]), Writer()
            assert stroke.take(block, writer, MOST)
            packed, told = packed + len(block), told + len(writer.bytes(0))
    assert told < 0.85 * packed
