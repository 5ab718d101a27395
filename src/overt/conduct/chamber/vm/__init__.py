"""A subject in a virtual machine: for kernel drivers, products that need systemd, and another date.

The machine's cable ends in the same sink. Files are not observed in it, only traffic: a report must say so.
"""
