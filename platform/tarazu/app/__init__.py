"""The web process: the API and what operators watch it by."""

from __future__ import annotations

from tarazu.app.factory import create_app
from tarazu.app.server import serve

__all__ = ["create_app", "serve"]
