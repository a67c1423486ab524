"""RTP comes in, whole frames on the class's clock come out. Nothing here does input or output of its own."""
