"""A camera that shows the time, and a viewer that reads it back from what its page shows: how late a picture is, all in all.

What always holds: all that lies between counts, encoder, network, server, buffers and decoder; times are ms; the pages are the
client's own.
"""

from __future__ import annotations

STALL = 500  # ms without a picture; at 30 a second
# 24 bits of the time in ms and 8 that check them, in two rows of 16 squares over the whole width. Noise keeps the encoder busy.
CAMERA = """(() => {
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  canvas.width = 640; canvas.height = 360;
  const noise = pen.createImageData(200, 120);
  const words = new Uint32Array(noise.data.buffer);
  let turn = 0;
  function draw() {
    turn++;
    pen.fillStyle = `hsl(${turn % 360} 40% 50%)`;
    pen.fillRect(0, 60, 640, 300);
    for (let at = 0; at < words.length; at++) words[at] = 0xff000000 | Math.random() * 0xffffff;
    pen.putImageData(noise, turn * 3 % 440, 60 + turn % 180);
    const now = Date.now() & 0xffffff, check = (now ^ now >> 8 ^ now >> 16 ^ 0x5a) & 0xff;
    for (let at = 0; at < 32; at++) {
      pen.fillStyle = (at < 24 ? now >> at : check >> at - 24) & 1 ? '#fff' : '#000';
      pen.fillRect(at % 16 * 40, at < 16 ? 0 : 30, 40, 30);
    }
  }
  const media = navigator.mediaDevices, real = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const got = wanted.audio ? await real({audio: wanted.audio}) : new MediaStream();
    if (wanted.video) {
      draw();
      setInterval(draw, 1000 / 30);
      got.addTrack(canvas.captureStream(30).getVideoTracks()[0]);
    }
    return got;
  };
  const Connection = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = function (...given) {
    const made = new Connection(...given);
    connections.push(made);
    return made;
  };
  window.RTCPeerConnection.prototype = Connection.prototype;
})()"""
READ = """(figure) => {
  const video = document.querySelector(`figure[aria-label="${figure}"] video`);
  const pen = new OffscreenCanvas(160, 20).getContext('2d', {willReadFrequently: true});
  window.glass = {late: [], unread: 0, gap: 0, stalls: 0, last: performance.now(), waits: 0};
  video.addEventListener('waiting', () => glass.waits++);
  function read() {
    video.requestVideoFrameCallback(read);
    const now = performance.now();
    glass.gap = Math.max(glass.gap, now - glass.last);
    if (now - glass.last > STALL) glass.stalls++;
    glass.last = now;
    pen.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 6, 0, 0, 160, 20);
    const {data} = pen.getImageData(0, 0, 160, 20);
    let time = 0, check = 0;
    for (let at = 0; at < 32; at++) {
      const bit = data[4 * (160 * (at < 16 ? 5 : 15) + at % 16 * 10 + 5)] > 127 ? 1 : 0;
      if (at < 24) time |= bit << at; else check |= bit << at - 24;
    }
    if (check !== ((time ^ time >> 8 ^ time >> 16 ^ 0x5a) & 0xff)) glass.unread++;
    else glass.late.push((Date.now() & 0xffffff) - time & 0xffffff);
  }
  video.requestVideoFrameCallback(read);
}""".replace("STALL", str(STALL))
AFRESH = "Object.assign(glass, {late: [], unread: 0, gap: 0, stalls: 0, last: performance.now(), waits: 0})"
GLASS = "({...glass, gap: Math.max(glass.gap, performance.now() - glass.last)})"
# The page is told that its connection has failed; what it does then is its own.
FAIL = """async () => {
  const pc = connections.findLast((one) => one.connectionState === 'connected');
  const before = pc.remoteDescription.sdp;
  Object.defineProperty(pc, 'connectionState', {value: 'failed', configurable: true});
  pc.onconnectionstatechange();
  delete pc.connectionState;
  while (pc.remoteDescription.sdp === before) await new Promise((go) => setTimeout(go, 10));
  while (pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 10));
  pc.onconnectionstatechange();
  return connections.at(-1) === pc;
}"""


def spread(late: list[float]) -> dict[str, float]:
    """Median, 99th of a hundred, and the most."""
    ordered = sorted(late)
    assert ordered, "no picture could be read"
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "max": ordered[-1]}
