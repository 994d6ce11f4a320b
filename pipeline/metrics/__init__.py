"""How good tracks and identities are: HOTA, CLEAR, IDF1, links across cameras."""
