"""Comparison: exact tests over matched pairs and over runs that differ in one thing. Pure, but for reading records."""
