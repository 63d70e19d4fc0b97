"""The five stages: plain Python, arrays in, arrays out. Each class loads in `__init__` and works in `__call__`."""
