"""What a product does in the chamber: files, processes, calls, changes, ports; seen from outside of it."""
