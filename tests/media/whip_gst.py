"""A WHIP publisher of GStreamer's `webrtcbin`, for the system's Python: `python3 whip_gst.py URL TOKEN`.

Needs what tests/services.sh names of GStreamer. Sends a test picture in H.264 and a tone in Opus; says `connected` when ICE and
DTLS are through, and ends the session by DELETE when its input does.
"""

import sys
import threading
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert
  ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=30 ! video/x-h264,profile=constrained-baseline
  ! h264parse config-interval=-1 ! rtph264pay aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer.
audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""


class Publisher:
    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.session = ""
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.offer)
        self.peer.connect("notify::connection-state", self.state)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.failed)

    def run(self) -> None:
        self.pipeline.set_state(Gst.State.PLAYING)
        threading.Thread(target=self.wait, daemon=True).start()
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.session:
            self.ask("DELETE", self.session)

    def wait(self) -> None:
        sys.stdin.read()
        GLib.idle_add(self.loop.quit)

    def failed(self, _bus: object, message: Gst.Message) -> None:
        sys.stderr.write(f"{message.parse_error()}\n")
        self.loop.quit()

    def offer(self, _: object) -> None:
        for place in range(2):
            one = self.peer.emit("get-transceiver", place)
            one.props.direction = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered, None))

    def offered(self, promise: Gst.Promise, _: object) -> None:
        reply = promise.get_reply()  # what is taken out of it lives no longer than it does
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, peer: Gst.Element, _: object) -> None:
        if peer.props.ice_gathering_state != GstWebRTC.WebRTCICEGatheringState.COMPLETE or self.session:
            return
        described = peer.props.local_description
        status, headers, text = self.ask("POST", self.url, described.sdp.as_text())
        assert status == 201, text
        self.session = urllib.parse.urljoin(self.url, headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        peer.emit("set-remote-description", answer, Gst.Promise.new())

    def state(self, peer: Gst.Element, _: object) -> None:
        if peer.props.connection_state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            sys.stdout.write("connected\n")
            sys.stdout.flush()

    def ask(self, method: str, url: str, body: str = "") -> tuple:
        headers = {"Authorization": f"Bearer {self.token}"}
        if body:
            headers["Content-Type"] = "application/sdp"
        request = urllib.request.Request(url, body.encode() or None, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read().decode()


if __name__ == "__main__":
    Gst.init(None)
    Publisher(sys.argv[1], sys.argv[2]).run()
