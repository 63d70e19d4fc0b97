"""The small models that ship with the project: coloured shapes that move, and the programs that made them."""
