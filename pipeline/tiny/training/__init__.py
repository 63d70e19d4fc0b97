"""The programs that trained the small models. Not imported at run time."""
