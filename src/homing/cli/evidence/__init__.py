"""`homing evidence`: the trials that the store holds, what they reported, and what they add up to."""

from homing.cli.evidence.app import app

__all__ = ["app"]
