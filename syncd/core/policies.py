"""Under which policy files is a cycle decided?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncd.core.fence_model import Fences
from syncd.core.nurture import Nurture

if TYPE_CHECKING:
    from syncd.core.mapping import SourceMapping


@dataclass(frozen=True, slots=True)
class Policies:
    """All valid files of the mappings folder, read at one moment.

    `nurture` is None when there is no nurture.toml, `sources` is in name order, `hashes` maps each file's name below the
    folder (such as `fences.toml`, `fields/marketo.toml`) to the SHA-256 of its bytes.
    """

    fences: Fences
    nurture: Nurture | None
    sources: tuple[SourceMapping, ...]
    hashes: Mapping[str, str]
