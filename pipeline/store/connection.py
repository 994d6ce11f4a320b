"""A gallery file, opened: checked, of this version, with errors that a person understands."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from mdpr.errors import ConfigError, FormatError, OutputError
from mdpr.files import make_folder
from mdpr.pipeline.store import schema
from mdpr.pipeline.store.errors import BusyError
from mdpr.pipeline.store.schema import initialise, migrate, number_of

Mode = Literal["create", "write", "read"]

EMBEDDING_TYPES = ("float32", "float16")

_MAGIC = b"SQLite format 3\0"
_LEAST_SIZE = 512  # of a page


class Database:
    """One connection. Its transactions may be used from any thread, one at a time.

    Args:
        path: of the file; -wal and -shm lie beside it while it is open.
        mode: "create" makes the file when it is absent, "write" does not, "read" changes nothing.
        timeout_s: how long to wait for another process that writes.
        embedding_type: of a file that is made now.

    Raises:
        ConfigError: no file.
        FormatError: not a gallery, a damaged one, or one of a newer version.
        OutputError: it cannot be written. BusyError: another process holds it.
    """

    def __init__(self, path: Path, mode: Mode, timeout_s: float = 10.0, embedding_type: str = "float32") -> None:
        if embedding_type not in EMBEDDING_TYPES:
            raise ConfigError(f"embeddings as {embedding_type!r}: expected {' or '.join(EMBEDDING_TYPES)}")
        self.path = path = path.absolute()
        self.is_read_only = mode == "read"
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        _check_file(path, mode)
        if mode == "create":
            make_folder(path.parent)
        with sqlite_errors(path, timeout_s):
            self.sql = _connect(path, mode, timeout_s)
            try:
                self._prepare(mode, embedding_type)
            except BaseException:
                self.sql.close()
                raise
        self._place = _place_of(path)

    def _prepare(self, mode: Mode, embedding_type: str) -> None:
        sql = self.sql
        for setting in ("foreign_keys=ON", "secure_delete=ON", "synchronous=FULL", "cell_size_check=ON"):
            sql.execute(f"PRAGMA {setting}")
        sql.execute(f"PRAGMA journal_size_limit={64 << 20}")
        is_empty = sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if is_empty and number_of(sql, "application_id") == 0:
            if mode != "create":
                raise FormatError(f"{self.path} is empty: not a gallery, or one that has lost its content")
            initialise(sql, self.path, embedding_type, self._timeout_s)
        if number_of(sql, "application_id") != schema.APPLICATION_ID:
            raise FormatError(f"{self.path} is an SQLite file of another program, not a gallery; give another one")
        version = number_of(sql, "user_version")
        if version > schema.VERSION:
            raise FormatError(
                f"{self.path} was written by a newer mdpr-track (tables of version {version}, this one knows up to "
                f"{schema.VERSION}): update mdpr-track. Nothing was changed"
            )
        if version < schema.VERSION:
            if mode == "read":
                raise FormatError(
                    f"{self.path} has tables of version {version}, expected {schema.VERSION}: open it once for "
                    "writing, for example with `mdpr gallery FILE check`, which brings it up to date"
                )
            migrate(sql)
        _check_length(sql, self.path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one moment."""
        with self._lock, sqlite_errors(self.path, self._timeout_s):
            self.sql.execute("BEGIN")
            try:
                yield self.sql
            except (KeyError, TypeError, ValueError) as error:  # rows that this class would never have written
                raise FormatError(_damaged(self.path, f"a row that makes no sense, {error}")) from error
            finally:
                self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that changes something: committed when the body ends, undone when it raises."""
        with self._lock, self.alone():
            self.sql.execute("BEGIN IMMEDIATE")
            try:
                yield self.sql
                self.sql.execute("COMMIT")
            finally:
                self._roll_back()

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """Outside a transaction, for statements that need that; refuses what cannot be written."""
        if self.is_read_only:
            raise OutputError(f"cannot write {self.path}: it was opened for reading only")
        with self._lock, sqlite_errors(self.path, self._timeout_s):
            if _place_of(self.path) != self._place:
                raise OutputError(
                    f"cannot write {self.path}: the file was moved, deleted or replaced while it was open, and what is "
                    "written now would be lost. Put it back, or open the gallery again"
                )
            yield self.sql

    def _roll_back(self) -> None:
        if self.sql.in_transaction:
            with suppress(sqlite3.Error):  # of the same reason
                self.sql.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        with self._lock:
            self.sql.close()


@contextmanager
def sqlite_errors(path: Path, timeout_s: float) -> Iterator[None]:
    """Turn what SQLite reports into errors that name the file, the reason and the way out."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise FormatError(_damaged(path, str(error))) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
        if "Could not decode" in str(error) or str(error).startswith("no such"):  # no text, or none of our tables
            code = sqlite3.SQLITE_CORRUPT
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise BusyError(
                f"{path} is locked: another process has been using it for more than {timeout_s:g} s. Nothing was "
                "changed; wait until it has finished, or end it"
            ) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT):
            raise FormatError(_damaged(path, str(error))) from error
        if code == sqlite3.SQLITE_FULL:
            raise OutputError(f"cannot write {path}: the disk is full. Nothing was changed; free some space") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
            raise OutputError(
                f"cannot open {path} ({error}): no permission for the file or its folder, which SQLite needs for "
                f"{path.name}-wal and {path.name}-shm"
            ) from error
        if code == sqlite3.SQLITE_IOERR:
            raise OutputError(f"cannot use {path} ({error}): the disk is full, failing, or has gone") from error
        raise


def _damaged(path: Path, why: str) -> str:
    return (
        f"{path} is damaged ({why}): it was cut off or overwritten. Restore a copy, or save what can be read with: "
        f"sqlite3 {path} .recover"
    )


def _check_file(path: Path, mode: Mode) -> None:
    """Refuse what cannot be a gallery before SQLite touches it."""
    if path.is_dir():
        raise FormatError(f"{path} is a folder: expected the file of a gallery")
    if not path.exists():
        if mode != "create":
            raise ConfigError(
                f"no gallery at {path}: give another one, or make it with mdpr-link RUN... --gallery FILE"
            )
        return
    try:
        with path.open("rb") as file:
            start = file.read(_LEAST_SIZE)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from error
    if start and not start.startswith(_MAGIC[: len(start)]):
        raise FormatError(f"{path} is not a gallery: expected an SQLite file, it begins with {start[:16]!r}")
    if 0 < len(start) < _LEAST_SIZE:
        raise FormatError(f"{path} is damaged: cut off after {len(start)} bytes. Restore a copy")
    if mode != "read" and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise OutputError(f"cannot write {path}: no permission for the file or its folder, or a disk that is read-only")


def _connect(path: Path, mode: Mode, timeout_s: float) -> sqlite3.Connection:
    def connect(options: str) -> sqlite3.Connection:
        uri = f"{path.as_uri()}?{options}"
        return sqlite3.connect(uri, timeout_s, isolation_level=None, check_same_thread=False, uri=True)

    if mode != "read":
        return connect("mode=rwc" if mode == "create" else "mode=rw")
    sql = connect("mode=ro")
    try:
        sql.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        wal = path.with_name(path.name + "-wal")
        is_whole = not wal.exists() or wal.stat().st_size == 0
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or not is_whole or os.access(path.parent, os.W_OK):
            sql.close()
            raise
        sql.close()  # a folder where -shm cannot be made: then nobody writes there either
        sql = connect("mode=ro&immutable=1")
    return sql


def _check_length(sql: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is shorter than it says; with a -wal file the rest may be in there."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        return
    expected, got = number_of(sql, "page_count") * number_of(sql, "page_size"), path.stat().st_size
    if got < expected and not (wal.exists() and wal.stat().st_size > 0):
        raise FormatError(f"{path} is damaged: cut off, expected {expected} bytes, got {got}. Restore a copy")


def _place_of(path: Path) -> tuple[int, int]:
    """Which file lies there; (0, 0) when none does."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
