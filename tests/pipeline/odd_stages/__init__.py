"""Stages with the behaviour that the tests of the replicas need. They are loaded like the real ones."""
