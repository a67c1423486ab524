"""The servers under test: ours and its peers, each run in a process of its own and told what to do by `obey`."""
