def ordinary(text): return False
