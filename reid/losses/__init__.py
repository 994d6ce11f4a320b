"""Loss terms of MDPR, a file each."""

from mdpr.reid.losses.mdpr import LossConfig, mdpr_losses

__all__ = ["LossConfig", "mdpr_losses"]
