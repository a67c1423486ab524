"""Real Chromium on both ends, in a network namespace with nothing but loopback."""

from __future__ import annotations

from pathlib import Path

from tests.media.namespace import apart


async def test_chromium_publishes_and_watches_without_loss_across_an_ice_restart(tmp_path: Path) -> None:
    seen = await apart("tests.media.chromium", tmp_path)

    assert seen["first_frame_ms"] < 2_000  # the aim is 500, on a machine that does nothing else
    assert seen["width"] == 640
    assert seen["lost"] == seen["audio_lost"] == 0
    assert seen["audio_packets"] > 300
    assert seen["estimate"] > 1_000_000
    assert seen["restart"] == 200
    assert seen["state"] == "connected"
    assert seen["after_restart"] > 20


async def test_on_a_thin_way_chromium_is_sent_a_small_layer_and_on_a_bad_one_it_keeps_its_picture(
    tmp_path: Path,
) -> None:
    seen = await apart("tests.media.chromium_networks", tmp_path, "VP8", 9, "clean", "thin", "0.03")

    clean, thin, bad = seen["clean"], seen["thin"], seen["0.03"]
    assert seen["heights"]["thin"][-1] < seen["heights"]["clean"][-1]
    assert thin["audio"] > 0
    assert bad["frames"] > clean["frames"] // 2
    assert clean["lost"] == clean["audio_lost"] == 0  # nobody suffers from another's network
