"""Load: what a server carries, measured beside its peers."""
