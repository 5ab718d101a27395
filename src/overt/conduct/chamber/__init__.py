"""The observation chamber: a product runs as if on a usual machine, and nothing of the real one changes or is shown."""
