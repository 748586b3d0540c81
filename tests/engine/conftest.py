"""The driver is compiled once, into the user's cache, before a test points the cache elsewhere."""

import homing.engine.driver  # noqa: F401
