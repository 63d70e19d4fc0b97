"""The small models that ship with the project: coloured shapes that move. `training` holds the training programs."""
