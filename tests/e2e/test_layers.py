"""A camera in several sizes at once, from page to page: each student gets what their network carries, the recording the best."""

from __future__ import annotations

from pathlib import Path

from tests.media.namespace import apart


async def test_a_student_on_a_thin_network_gets_the_small_picture_another_and_the_recording_the_large_one(
    tmp_path: Path,
) -> None:
    seen = await apart("tests.e2e.layers", tmp_path, 20, 15)

    assert sorted(one["rid"] for one in seen["sent"]) == ["f", "q"]  # of a camera of 360 lines
    thin, wide = seen["heights"]["thin"], seen["heights"]["wide"]
    assert 0 < thin[-1] < wide[-1]
    assert max(wide) == 360
    assert set(wide[-3:]) == {wide[-1]}
    # It begins with the largest where the browser sends that within a moment, which a busy machine's may not.
    assert max(seen["recorded"]) == 360
    # Where the answer takes one size only, it is the whole picture's.
    assert max(seen["refused"]["wide"]) > 180
