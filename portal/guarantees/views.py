"""Screens of this area: guarantee contracts with what belongs to them, acts, lawsuits, taken-over assets, clocks."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask_appbuilder.actions import action
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.errors import PortalError
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.guarantees import services
from portal.guarantees.models import (
    Clock,
    CollateralItem,
    GuaranteeContract,
    Guarantor,
    LegalAct,
    Litigation,
    RepossessedAsset,
)

MENU = ("guarantees", _("Guarantees"))


class GuaranteeScreen:
    """What the record screens of this area share: their verbs keep the loan's security and clocks in line."""

    model: Any

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.add(self.model, values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return services.change(self.model, row_id, values, version_seen)

    def remove_verb(self, row_id: int) -> None:
        services.remove(self.model, row_id)


class PartScreen(GuaranteeScreen):
    """Parts of a contract: the loan is the contract's."""

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.add_part(self.model, values)


class GuaranteeContractView(GuaranteeScreen, PortalView):
    """Guarantee contracts."""

    help = Help(
        _(
            "What secures each loan: mortgages, pledges, guarantees and joint guarantees, with who stands in, what was "
            "pledged and what it was appraised at."
        ),
        _(
            "Enter a contract when it is signed, then its guarantors or things. What the loan is called secured by "
            "follows from here. Release it once the loan is paid back."
        ),
    )
    datamodel = ScopedInterface(GuaranteeContract)
    menu, icon = MENU, "fa-shield"
    list_title, show_title, add_title, edit_title = (
        _("Guarantee contracts"),
        _("Guarantee contract"),
        _("Add a guarantee contract"),
        _("Edit guarantee contract"),
    )
    empty_text = _("Add the contracts that secure loans.")
    list_columns = ["code", "loan", "kind", "secured", "signed_on", "liability", "agreed_until", "released_on"]
    edit_columns = ["code", "kind", "secured", "signed_on", "liability", "agreed_until", "note"]
    quick_filters = ("kind",)
    summary_columns = ("loan", "kind", "secured", "signed_on", "released_on")
    related = (("GuarantorView", "contract"), ("CollateralItemView", "contract"))

    @action("run", _("Release"), _("Release this guarantee? The loan must be paid back."), "fa-unlock", multiple=False)
    def run(self, contract: GuaranteeContract) -> Any:
        """Release it because the debt is paid."""
        number = contract.id
        try:
            services.release(number)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(gettext("The guarantee is released."), "success")
        return redirect(url_for("GuaranteeContractView.show", pk=number))


class GuarantorView(PartScreen, PortalView):
    """Guarantors."""

    help = Help(
        _("Who stands in for loans: customers of ours, or other people and firms, whose numbers are kept encrypted."),
        _(
            "Enter them with their contract. Members of a joint guarantee are one guarantor each; tie customers to "
            "each other under Related parties, too."
        ),
    )
    datamodel = ScopedInterface(Guarantor)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-user-plus"
    list_title, show_title, add_title, edit_title = (
        _("Guarantors"),
        _("Guarantor"),
        _("Add a guarantor"),
        _("Edit guarantor"),
    )
    empty_text = _("Add who stands in for loans, under their guarantee contracts.")
    list_columns = ["contract", "loan", "customer", "name", "phone"]
    add_columns = ["contract", "customer", "name", "resident_id", "phone"]
    edit_columns = ["customer", "name", "resident_id", "phone"]
    summary_columns = ("contract", "loan", "customer", "name")
    related = (("ClockView", "guarantor"), ("LegalActView", "guarantor"))


class CollateralItemView(PartScreen, PortalView):
    """Collateral."""

    help = Help(
        _("The things that secure loans: what each is, appraised at what, by whom and when, registered where."),
        _("Enter them with their contract, and each new appraisal when it is made. You are reminded when one is due."),
    )
    datamodel = ScopedInterface(CollateralItem)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-home"
    list_title, show_title, add_title, edit_title = (
        _("Collateral"),
        _("Thing"),
        _("Add collateral"),
        _("Edit collateral"),
    )
    empty_text = _("Add the things that secure loans, under their guarantee contracts.")
    list_columns = ["thing", "contract", "loan", "appraised_value", "appraised_on", "reappraise_on", "registered_until"]
    edit_columns = [
        "thing",
        "certificate",
        "appraised_value",
        "appraiser",
        "appraised_on",
        "reappraise_on",
        "registration",
        "registered_on",
        "registered_until",
    ]
    summary_columns = ("contract", "appraised_value", "appraised_on", "reappraise_on")


class LegalActView(GuaranteeScreen, PortalView):
    """Acts that interrupt limitation."""

    help = Help(
        _("Demands, acknowledgements and lawsuits: after each, limitation begins anew for whom it was against."),
        _("Collections enter each act on its day, with where the evidence is kept. Payments count by themselves."),
    )
    datamodel = ScopedInterface(LegalAct)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-envelope-o"
    list_title, show_title, add_title, edit_title = (
        _("Demands and acts"),
        _("Act"),
        _("Add an act"),
        _("Edit act"),
    )
    empty_text = _("Add what was done to keep claims alive.")
    list_columns = ["loan", "guarantor", "act", "done_on", "evidence"]
    edit_columns = ["guarantor", "act", "done_on", "evidence"]
    order = ("done_on", "desc")
    summary_columns = ("loan", "guarantor", "act", "done_on")


class LitigationView(GuaranteeScreen, PortalView):
    """Lawsuits."""

    help = Help(
        _("Lawsuits over loans, from filing to enforcement. While a case is pending, limitation does not run."),
        _("Whoever follows the case keeps its stage and days. A case is closed with the day on which it ended."),
    )
    datamodel = ScopedInterface(Litigation)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-gavel"
    list_title, show_title, add_title, edit_title = (
        _("Lawsuits"),
        _("Lawsuit"),
        _("Add a lawsuit"),
        _("Edit lawsuit"),
    )
    empty_text = _("Add a lawsuit when it is filed.")
    list_columns = ["code", "loan", "guarantor", "court", "state", "filed_on", "judged_on", "closed_on"]
    edit_columns = ["code", "guarantor", "court", "state", "filed_on", "judged_on", "closed_on"]
    quick_filters = ("state",)
    order = ("filed_on", "desc")
    summary_columns = ("loan", "court", "state", "filed_on")


class RepossessedAssetView(GuaranteeScreen, PortalView):
    """Assets taken over in payment."""

    help = Help(
        _("Things taken over in payment of debts, until they are sold: what debt each settled, and what it fetched."),
        _("Enter a thing when it is taken over. Finance books its value; this list reminds of its sale in time."),
    )
    datamodel = ScopedInterface(RepossessedAsset)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-archive"
    list_title, show_title, add_title, edit_title = (
        _("Taken-over assets"),
        _("Taken-over asset"),
        _("Add a taken-over asset"),
        _("Edit taken-over asset"),
    )
    empty_text = _("Add what was taken over in payment of a debt.")
    list_columns = ["code", "loan", "thing", "received_on", "value", "dispose_by", "disposed_on", "proceeds"]
    edit_columns = ["code", "thing", "received_on", "value", "dispose_by", "disposed_on", "proceeds"]
    summary_columns = ("loan", "value", "received_on", "dispose_by", "disposed_on")


class ClockView(PortalView):
    """Dates by which something must be done."""

    help = Help(
        _(
            "Dates on which a right is lost or something falls due: limitation, guarantee periods, appraisals, "
            "registrations, sales of taken-over assets. The next one comes first."
        ),
        _(
            "Risk and collections work down this list. It is written from the records each night and after each "
            "change; nobody types in it."
        ),
    )
    datamodel = ScopedInterface(Clock)
    resource = "GuaranteeContract"
    menu, icon = MENU, "fa-clock-o"
    list_title, show_title = _("Clocks"), _("Clock")
    empty_text = _("No clock is running.")
    list_columns = ["runs_out_on", "kind", "loan", "guarantor", "collateral", "asset"]
    quick_filters = ("kind",)
    order = ("runs_out_on", "asc")
    has_timeline = False
    can_add = can_edit = can_delete = False


def register(builder: Any) -> None:
    add_screens(
        builder,
        ClockView,
        GuaranteeContractView,
        GuarantorView,
        CollateralItemView,
        LegalActView,
        LitigationView,
        RepossessedAssetView,
    )
