"""What a browser is shown: HTML made here, without scripts; it is looked at and changes nothing on the platform.

A page takes the address apart, asks the store and fills a template; ``drawing`` makes SVG of objects. Every name is
text of unknown senders: templates escape it, and what would hide or turn text is made visible.
"""

from . import entrance, gallery, single
from .common import refusal, routes, wanted

__all__ = ["entrance", "gallery", "refusal", "routes", "single", "wanted"]
