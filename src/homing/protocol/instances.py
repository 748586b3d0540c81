"""Which instance of the mechanism each product and drug of a protocol is.

The catalogue speaks of `product` and `drug`: routes deposit into 'product.lung', profiles fill 'drug.clearance'. The
first product of a protocol is that instance, the second is `product_2`, and so on. Bacteria live in the flora and the
mechanism has them there, so a product whose profile is that of no cells is no instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homing.protocol.course import Protocol
from homing.protocol.product import Drug, Product

PRODUCT, DRUG = "product", "drug"
NO_CELLS = "no-product"


@dataclass(frozen=True)
class Instances:
    """The products and drugs of one protocol in the order of their instances."""

    products: tuple[Product, ...]
    drugs: tuple[Drug, ...]

    @property
    def product_names(self) -> tuple[str, ...]:
        """'product', 'product_2', ..., one for each product."""
        return tuple(instance_name(PRODUCT, i) for i in range(len(self.products)))

    @property
    def drug_names(self) -> tuple[str, ...]:
        """'drug', 'drug_2', ..., one for each drug."""
        return tuple(instance_name(DRUG, i) for i in range(len(self.drugs)))

    def name_of(self, give: Product | Drug | None) -> str:
        """The instance of what is given; '' for bacteria, a placebo, and what is not in the protocol."""
        if isinstance(give, Product) and give in self.products:
            return instance_name(PRODUCT, self.products.index(give))
        if isinstance(give, Drug) and give in self.drugs:
            return instance_name(DRUG, self.drugs.index(give))
        return ""

    def named(self, key: str) -> str:
        """The instance of the product or drug with this key; '' where the protocol gives none such."""
        return next((self.name_of(give) for give in self.all if give.key == key), "")

    def full(self, written: str, give: Product | Drug | None) -> str:
        """A name as the catalogue writes it ('product.lung') in the instance of what is given ('product_2.lung')."""
        kind, _, rest = written.partition(".")
        return f"{self.name_of(give) or kind}.{rest}" if kind in (PRODUCT, DRUG) else written

    @property
    def all(self) -> tuple[Product | Drug, ...]:
        """Products, then drugs."""
        return *self.products, *self.drugs

    @property
    def keys(self) -> Mapping[str, str]:
        """The key of the product or drug behind each instance."""
        return {self.name_of(give): give.key for give in self.all}


def instances(protocol: Protocol) -> Instances:
    """The instances that a protocol needs.

    Example:
        >>> instances(Protocol("nothing")).product_names
        ()
    """
    return Instances(tuple(p for p in protocol.products if p.profile != NO_CELLS), protocol.drugs)


def instance_name(kind: str, position: int) -> str:
    """'product' for the first, 'product_2' for the second."""
    return kind if position == 0 else f"{kind}_{position + 1}"


def written_name(full: str) -> str:
    """A full name as the catalogue writes it: 'product.lung' for 'product_2.lung'.

    Example:
        >>> written_name("product_2.k_gut_death"), written_name("tract.k_close")
        ('product.k_gut_death', 'tract.k_close')
    """
    module, dot, rest = full.partition(".")
    kind, _, number = module.rpartition("_")
    return f"{kind}{dot}{rest}" if kind in (PRODUCT, DRUG) and number.isdigit() else full
