"""The conduct lab: runs a product in an observation chamber, and reports what it read, changed, executed and sent."""
