"""Where images and annotation files are: folders, archives, and buckets and web servers that fsspec reaches.

An address becomes a ``Path`` where it is a plain folder or file, read as ever, or a ``Far``: a file or folder of a
``Store`` (an archive, a bucket), which is listed once and read by ranges, a fresh stream for each reading. An archive is
a folder; what lies in it is named by going on behind its name (``data.zip/train``), so an archive in a bucket is a store
whose container is a file of another. fsspec is imported when an address asks for it.
"""

from __future__ import annotations

from .addresses import find, is_remote
from .far import AnyPath, Far

__all__ = ["AnyPath", "Far", "find", "is_remote"]
