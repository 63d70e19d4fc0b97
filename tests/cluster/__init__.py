"""The stages on a cluster of two Ray nodes that `ray start` has made."""
