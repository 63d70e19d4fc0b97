"""Stages that do what tests need to see, loaded by the replicas as the real ones are."""
