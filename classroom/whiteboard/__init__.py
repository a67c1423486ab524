"""The whiteboard: pages of elements in Excalidraw's format, drawn by a few and seen by many, carried as deltas."""
