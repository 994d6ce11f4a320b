"""How well tracks fit the truth: HOTA, CLEAR MOT, IDF1, links between cameras, and people who return."""
