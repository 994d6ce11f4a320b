"""One self-contained HTML page for a run: who was where and when, and why.

`reading` takes a run apart, `pictures` cuts the crops, `content` puts both into the values that the page shows, `page`
makes the file. The page itself is in assets/: no network, no script but its own.
"""
