"""The embedded platform: the wire of ``protocol.md`` over one folder, for tests, for offline work, for trust.

``start`` serves a folder from a thread; ``join_or_start`` is for those who only want to reach it. It is written
from the protocol alone and shares no encoder with the client, so that the two can find each other's errors.
"""

from .app import create_app
from .platform import Limits, Platform, accounts_of
from .running import RunningPlatform, join_or_start, start

__all__ = ["Limits", "Platform", "RunningPlatform", "accounts_of", "create_app", "join_or_start", "start"]
