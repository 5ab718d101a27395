"""The finder: which canaries, and which facts about them, are in what left. It can be run again over the evidence."""
