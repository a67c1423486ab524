"""One publisher's packets to many viewers, without decoding. One UDP port for all peers."""
