"""A conduct report end to end: which runs, one run in its chamber, and what is made of the evidence."""
