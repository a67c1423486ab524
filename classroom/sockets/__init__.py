"""Socket.IO: members' connections, from the handshake to the last frame."""
