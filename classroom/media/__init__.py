"""The live stream: WebRTC for the stage, LL-HLS for the crowd, a recording for later."""
