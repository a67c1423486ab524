"""A class on the air, from page to page: published, watched by WebRTC and by LL-HLS, cut off and back again, on stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media.namespace import apart


@pytest.mark.timeout(400)  # it is many people's whole class, and a busy machine takes its time
async def test_a_class_is_published_watched_both_ways_and_back_after_a_crash_without_anybody_being_asked(
    tmp_path: Path,
) -> None:
    seen = await apart("tests.e2e.live", tmp_path)

    assert seen["complaints"] == []
    assert seen["axe"] == []
    webrtc, hls = seen["late_ms"]
    assert webrtc < hls < 15_000  # the aims are 200 and 2,500, on a machine that does nothing else
    assert seen["restart_kept"]
    assert seen["first_frame_ms"] < 8_000  # the aim is 500, on a machine that does nothing else
    assert max(seen["back_ms"]) < 30_000  # the aim is 5,000
    assert seen["over_ms"] < 15_000  # who stops is not waited for as somebody who was cut off
