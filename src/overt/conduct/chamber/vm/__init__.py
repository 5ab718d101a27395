"""A subject in a virtual machine: for kernel drivers, products that need systemd, and another date.

The machine's cable ends in the same sink. Seen are its traffic and what is on its disk: a report must say so.
"""
