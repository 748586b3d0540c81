"""Bringing in and taking out: add, import, export."""


def add() -> None:
    """x"""


def import_file() -> None:
    """x"""


def export() -> None:
    """x"""
