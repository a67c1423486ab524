"""LL-HLS: what is cut is kept for a while, and given to whoever asks, at the moment that it is there."""
