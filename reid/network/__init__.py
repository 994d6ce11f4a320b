"""The MDPR network: backbone, branches, fusion, heads; presets; checkpoints; the authors' weights."""
