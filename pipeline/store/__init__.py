"""The gallery: tracklets, identities and links that outlive a run."""
