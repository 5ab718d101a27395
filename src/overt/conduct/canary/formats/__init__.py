"""One format, one module; `registry.py` lists them."""
