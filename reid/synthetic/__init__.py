"""People who do not exist: bodies, clothes, places, cameras; crops and scenes with exact truth."""
