"""Why the stages cannot run on a cluster. Each message is one line for the operator.

ClusterError
├── CannotConnect
├── UnfitNode
└── StagesFailed
"""


class ClusterError(Exception):
    """The stages cannot run on this cluster."""


class CannotConnect(ClusterError):
    """The cluster does not accept this process."""


class UnfitNode(ClusterError):
    """A node of the cluster cannot run a stage."""


class StagesFailed(ClusterError):
    """Serve has given up starting a stage."""
