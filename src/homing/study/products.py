"""The user's own products: like one of the catalogue, with the release data of a lot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from homing.ground.text_yaml import Path_
from homing.protocol.course import Lot
from homing.protocol.product import Product
from homing.study import known
from homing.study.arms import OwnProduct
from homing.study.dosed import PLACEBOS
from homing.study.faults import Faults
from homing.study.schema import LotPart, ProductPart, label_of
from homing.study.wording import share_text


def own_products(parts: Mapping[str, ProductPart], faults: Faults) -> dict[str, OwnProduct]:
    """The products that a study file adds, by name. Those with a fault are noted and left out."""
    found = {}
    for name, part in parts.items():
        path: Path_ = ("products", name)
        if name in PLACEBOS or name in known.names("products") or name in known.names("drugs"):
            faults.add(path, f"'{name}' is a name of the catalogue; choose another name for your own product.")
            continue
        base: Product | None = known.entry("products", part.like, (*path, "like"), faults)
        if base is None:
            continue
        product = replace(base, key=name, like=base.key, name=label_of(part.name, name))
        lot = None if part.lot is None else _lot(part.lot, base, (*path, "lot"), faults)
        found[name] = OwnProduct(product, lot)
    return found


def _lot(part: LotPart, base: Product, path: Path_, faults: Faults) -> Lot:
    """A lot; one below the product's release limit needs the user's word."""
    limit = known.release_limit(base)
    if limit is not None and part.viability < limit and not part.out_of_specification:
        faults.add(
            (*path, "viability"),
            f"{share_text(part.viability)} is below the release limit of '{base.key}', {share_text(limit)}. "
            f"Write 'out of specification: accept' beside it to simulate this lot all the same.",
        )
    potency = base.delivery["potency"].to("1").number if part.potency is None else part.potency
    return Lot(part.id, part.viability, potency, part.source)
