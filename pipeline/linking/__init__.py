"""From runs and galleries to identities, and back into files: what `mdpr-link` and the commands around it share."""
