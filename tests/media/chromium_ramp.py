"""How fast a Chromium that publishes comes to send what it may: `python -m tests.media.chromium_ramp FOLDER CODEC BITS SECONDS`.

It publishes noise that takes any rate, with `maxBitrate` BITS, and is asked once a second what it has sent, what it thinks
that the network takes and what its encoder is to make. To be run in a network namespace with nothing but loopback: `unshare -n
sh -c 'ip link set lo up && exec "$@"' sh python -m …`. Prints JSON: `sent`, `estimate`, `target` in bits a second, by second.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.e2e.clock import CAMERA
from tests.media.chromium import COMMON, FLAGS
from tests.running import serving_alone

PUBLISHER = """async ([url, token, codec, maxBitrate]) => {
  const media = await navigator.mediaDevices.getUserMedia({video: true, audio: true});
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver(media.getAudioTracks()[0], {direction: 'sendonly', streams: [media]});
  const video = pc.addTransceiver(media.getVideoTracks()[0], {
    direction: 'sendonly', streams: [media], sendEncodings: [{maxBitrate}]});
  const known = RTCRtpSender.getCapabilities('video').codecs;
  video.setCodecPreferences(known.filter((one) => one.mimeType === 'video/' + codec || one.mimeType === 'video/rtx'));
  await offer(pc, url, token);
  while (pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 5));
}"""
SENT = """async () => {
  const video = await stats(pc, 'outbound-rtp', 'video') || {};
  return {
    at: performance.now(), sent: (video.bytesSent || 0) + (video.headerBytesSent || 0), target: video.targetBitrate || 0,
    estimate: await estimate(pc), limited: video.qualityLimitationReason || '', height: video.frameHeight || 0,
  };
}"""


async def play(folder: Path, codec: str, bits: int, seconds: int) -> dict[str, Any]:
    seen: dict[str, Any] = {"sent": [], "estimate": [], "target": [], "limited": [], "height": []}
    with serving_alone(folder) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            context = await browser.new_context(permissions=["camera", "microphone"])
            page = await context.new_page()
            await page.add_init_script(CAMERA)
            await page.goto(server.url + "/healthz")
            await page.add_script_tag(content=COMMON)
            teacher = server.auth.mint("demo", "Teacher", "instructor", "t1")
            await page.evaluate(PUBLISHER, ["/api/rooms/demo/whip", teacher, codec, bits])
            before = await page.evaluate(SENT)
            for _ in range(seconds):
                await asyncio.sleep(1)
                now = await page.evaluate(SENT)
                seen["sent"].append(round((now["sent"] - before["sent"]) * 8_000 / (now["at"] - before["at"])))
                for name in ("estimate", "target", "limited", "height"):
                    seen[name].append(now[name])
                before = now
            await browser.close()
    return seen


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(play(Path(given[0]), given[1], int(given[2]), int(given[3])))) + "\n")
