"""x"""


def plot() -> None:
    """x"""
