"""The checker's tests play on the engine's stage."""

from tests.engine.conftest import scene, stage

__all__ = ["scene", "stage"]
