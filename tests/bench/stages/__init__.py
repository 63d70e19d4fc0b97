"""The sleeping stages of the fault tests, which also record when each call begins and ends."""
