"""Loss terms of MDPR, a file each."""
