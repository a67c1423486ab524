"""Golden logs that the server and the browser both fold to the same state."""
