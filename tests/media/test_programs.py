"""Programs of others' making meet the server: GStreamer's webrtcbin, an npm WHIP client in Chromium, Debian's coturn."""

from __future__ import annotations

from pathlib import Path

from tests.media.namespace import apart
from tests.media.programs import LINK, TURN


async def test_gstreamers_webrtcbin_publishes_and_is_watched_by_webrtc_and_hls(tmp_path: Path) -> None:
    told = await apart("tests.media.programs", "gstreamer", tmp_path, link=LINK)
    assert told["said"] == "connected"
    assert told["sources"] == ["camera", "microphone"]
    assert told["watched"] == [320, 240, 48_000]
    assert "avc1." in told["playlist"]
    assert "RESOLUTION=320x240" in told["playlist"]
    assert told["ended"] == 0


async def test_the_npm_clients_publish_watch_trickle_restart_and_end(tmp_path: Path) -> None:
    told = await apart("tests.media.programs", "whip-whep", tmp_path, link=LINK)
    assert told["frames"] >= 20
    assert "avc1." in told["playlist"]
    assert told["restarted"]
    assert told["state"] == "connected"
    assert told["asked"][0] == ["POST", 201]
    assert ["PATCH", 204] in told["asked"]
    assert ["PATCH", 200] in told["asked"]
    # It closes its connection first, which ends the session as well; whichever comes first, DELETE finds it or does not.
    assert told["asked"][-1] in (["DELETE", 200], ["DELETE", 404])
    assert {status for _, status in told["asked"][:-1]} == {200, 201, 204}


async def test_over_coturn_with_credentials_that_end_and_by_nothing_but_the_relay(tmp_path: Path) -> None:
    told = await apart("tests.media.programs", "relay", tmp_path, link=LINK)
    assert told["frames"] >= 20
    assert told["pairs"] == [["relay", TURN], ["relay", TURN]]
    name, _, member = told["server"]["username"].partition(":")
    assert int(name) > 1_700_000_000
    assert member
