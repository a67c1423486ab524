"""A camera that shows the time, and a viewer that reads it back from what its page shows: how late a picture is, all in all.

What always holds: all that lies between counts, encoder, network, server, buffers and decoder; times are ms; the pages are the
client's own.
"""

from __future__ import annotations

STALL = 500  # ms without a picture
# 24 bits of the time in ms and 8 that check them, in two rows of 16 squares over the whole width. Noise keeps the encoder busy.
_CAMERA = """(() => {
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  canvas.width = WIDTH; canvas.height = HEIGHT;
  const noise = pen.createImageData(WIDTH / 16 * 5, HEIGHT / 3);
  const words = new Uint32Array(noise.data.buffer);
  let turn = 0;
  function draw() {
    turn++;
    pen.fillStyle = `hsl(${turn % 360} 40% 50%)`;
    pen.fillRect(0, HEIGHT / 6, WIDTH, HEIGHT / 6 * 5);
    for (let at = 0; at < words.length; at++) words[at] = 0xff000000 | Math.random() * 0xffffff;
    pen.putImageData(noise, turn * 3 % (WIDTH / 16 * 11), HEIGHT / 6 + turn % (HEIGHT / 2));
    const now = Date.now() & 0xffffff, check = (now ^ now >> 8 ^ now >> 16 ^ 0x5a) & 0xff;
    for (let at = 0; at < 32; at++) {
      pen.fillStyle = (at < 24 ? now >> at : check >> at - 24) & 1 ? '#fff' : '#000';
      pen.fillRect(at % 16 * WIDTH / 16, at < 16 ? 0 : HEIGHT / 12, WIDTH / 16, HEIGHT / 12);
    }
  }
  const media = navigator.mediaDevices, real = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const got = wanted.audio ? await real({audio: wanted.audio}) : new MediaStream();
    if (wanted.video) {
      draw();
      setInterval(draw, 1000 / FPS);
      got.addTrack(canvas.captureStream(FPS).getVideoTracks()[0]);
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


def camera(width: int, height: int, fps: int) -> str:
    """The script of a camera of this size. `width` divides by 32, `height` by 12."""
    made = _CAMERA
    for name, value in (("WIDTH", width), ("HEIGHT", height), ("FPS", fps)):
        made = made.replace(name, str(value))
    return made


CAMERA = camera(640, 360, 30)
# A screen that is shared is taken a few times a second, and smaller.
_SMALL_SCREEN = """(() => {
  const media = navigator.mediaDevices, real = media.getDisplayMedia.bind(media);
  media.getDisplayMedia = (wanted) => real({...wanted, video: {...wanted.video, frameRate: 4, width: 480}});
})()"""
SMALL = f"{camera(320, 180, 8)};{_SMALL_SCREEN}"  # where it is no matter how well it looks: it costs a fifteenth
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
  const kept = () => connections.at(-1) === pc;
  while (kept() && pc.remoteDescription.sdp === before) await new Promise((go) => setTimeout(go, 10));
  while (kept() && pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 10));
  if (kept()) pc.onconnectionstatechange();
  return kept();
}"""


def spread(late: list[float]) -> dict[str, float]:
    """Median, 99th of a hundred, and the most."""
    ordered = sorted(late)
    assert ordered, "no picture could be read"
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "max": ordered[-1]}
