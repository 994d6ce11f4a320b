"""The limits that people gave a gallery (`mdpr gallery FILE keep`), enforced wherever people are put into it."""

from __future__ import annotations

import logging

from mdpr.errors import MdprError
from mdpr.pipeline.store import Forgotten, Retention, Store
from mdpr.pipeline.store.keeping import as_size

log = logging.getLogger("mdpr")


def enforce_limits(store: Store) -> None:
    """Forget what a gallery is not to keep any longer, and tell; nothing where it has no limits."""
    if store.retention == Retention():
        return
    try:
        gone = store.expire()
    except MdprError as error:
        log.warning("the limits of the gallery were not enforced: %s", error)
        return
    if gone.tracklets:
        log.info("beyond the gallery's limits: forgot %d identities, %d tracklets", gone.identities, gone.tracklets)
    tell_what_is_left(gone)


def tell_what_is_left(gone: Forgotten) -> None:
    """Tell why a gallery still holds more than it should, if it does."""
    if gone.over_bytes:
        log.warning("the gallery is still %s above its limit: all that is left has names", as_size(gone.over_bytes))
    if gone.left:
        log.error("bytes of it are left in the file: %s. Run mdpr forget --finish when that is over", gone.left)
