"""Grids: the territories that customer managers look after, one named manager each (C127)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, relationship

from portal.core.db import Choice, Code, Id, Labelled, Model, Name, Text, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.core.pinyin import TEXT, Spelled
from portal.core.scope import BranchScoped


class GridKind(Labelled):
    """What a territory is like."""

    BUSINESS_DISTRICT = "business_district", _("Business district")
    PARK = "park", _("Industrial park")
    COMMUNITY = "community", _("Community")
    VILLAGE = "village", _("Village")


class Grid(BranchScoped, Spelled, Model, Versioned):
    """A territory (网格): a cell or polygon, its town, how many could be customers, who looks after it."""

    __table_args__ = (Index("ix_grid_branch_manager", "branch_id", "manager_id"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Grid code"), unique=True, search=True, section=_("Grid"))
    name: Mapped[Name] = field(_("Grid"), search=True, pinyin=TEXT, section=_("Grid"))
    town: Mapped[Name] = field(_("Town"), search=True, section=_("Grid"))
    kind: Mapped[GridKind] = field(_("Kind"), Choice(GridKind), section=_("Grid"))
    area: Mapped[int] = field(_("Area (m²)"), default=0, minimum=0, section=_("Grid"))
    potential_customers: Mapped[int] = field(
        _("Potential customers"),
        default=0,
        minimum=0,
        section=_("Grid"),
        help=_("Households and firms in the grid that could become customers: an estimate, kept by the team lead."),
    )
    geometry: Mapped[str | None] = field(
        _("Outline"), LongText, type="json", filter=False, export=False, section=_("Grid"), help=_("GeoJSON, WGS 84.")
    )
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True, section=_("Ownership"))
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True, section=_("Ownership"))
    manager_id: Mapped[int | None] = field(
        _("Customer manager"), ForeignKey("staff.id"), index=True, section=_("Ownership")
    )

    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")

    def __str__(self) -> str:
        return told(self, "name")


class MapLine(Model, Versioned):
    """A line that the map draws under the grids for orientation: the boundary of the county. It belongs to nobody."""

    id: Mapped[Id]
    name: Mapped[Name] = field(_("Name"), unique=True, search=True)
    geometry: Mapped[str] = field(_("Outline"), LongText, type="json", filter=False, export=False, help=_("GeoJSON."))
    source: Mapped[Text] = field(
        _("Source"), search=True, help=_("Where the line comes from, in which coordinates, and who has rights in it.")
    )

    def __str__(self) -> str:
        return told(self, "name")
