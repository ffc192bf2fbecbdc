"""The role table: who may do what to what, and how far. One entry for each resource, one line for each role.

Scopes: `all` the company, `branch` the own branch and below, `team` the own team, `self` what the person looks after.
Whatever is not written here is refused.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.roles import Role, grant, register_role
from portal.tours import TOURS

ROLES = (
    Role(
        "administrator",
        _("Administrator"),
        _("Configures roles, rules, products and parameters; sees no loans."),
        TOURS["administrator"],
    ),
    Role(
        "committee", _("Management committee"), _("Looks at dashboards and everything behind them."), TOURS["committee"]
    ),
    Role(
        "committee_office",
        _("Committee office"),
        _("Prepares what the management committee decides, and follows it up."),
        TOURS["committee_office"],
    ),
    Role(
        "branch_head",
        _("Branch head"),
        _("Runs a branch: its people, grids, customers and loans."),
        TOURS["branch_head"],
    ),
    Role("team_lead", _("Team lead"), _("Leads a team of customer managers and assigns grids."), TOURS["team_lead"]),
    Role("customer_manager", _("Customer manager"), _("Looks after customers and grids."), TOURS["customer_manager"]),
    Role(
        "product_manager",
        _("Product manager"),
        _("Keeps the products and watches how they do."),
        TOURS["product_manager"],
    ),
    Role("risk", _("Risk officer"), _("Watches the portfolio and its categories."), TOURS["risk"]),
    Role("approver", _("Approver"), _("Decides on applications."), TOURS["approver"]),
    Role("finance", _("Finance officer"), _("Books payments and closes the day."), TOURS["finance"]),
    Role("collections", _("Collections officer"), _("Follows up overdue loans."), TOURS["collections"]),
    Role("compliance", _("Compliance officer"), _("Prepares returns and reports."), TOURS["compliance"]),
    Role("audit", _("Auditor"), _("Reads everything, changes nothing."), TOURS["audit"]),
    Role("hr", _("HR officer"), _("Keeps the staff records."), TOURS["hr"]),
)
for role in ROLES:
    register_role(role)

ALL_READ = "read export @all"
LOCAL = "read export @branch"

grant(
    "Branch",
    administrator="full @all",
    committee=ALL_READ,
    branch_head="read @branch",
    team_lead="read @branch",
    customer_manager="read @branch",
    risk=ALL_READ,
    approver="read @branch",
    finance="read export migrate @all",
    collections="read @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
    hr="read export @all",
    committee_office=ALL_READ,
    product_manager="read @all",
)
grant(
    "Team",
    administrator="full @all",
    committee=ALL_READ,
    branch_head="read write @branch",
    team_lead="read @branch",
    customer_manager="read @team",
    risk=ALL_READ,
    approver="read @branch",
    finance=ALL_READ,
    collections="read @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
    hr="read manage export @all",
    committee_office=ALL_READ,
    product_manager="read @all",
)
grant(
    "Staff",
    administrator="full @all",
    committee=ALL_READ,
    branch_head="read export write @branch",
    team_lead="read @team",
    customer_manager="read @team",
    risk=ALL_READ,
    approver="read @branch",
    finance=ALL_READ,
    collections="read @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
    hr="read manage export @all",
    committee_office=ALL_READ,
    product_manager="read @all",
)
OWN_ABSENCE = "list show add undo @self"
grant(
    "Delegation",
    administrator="list show add undo export @all",
    hr="list show add undo export @all",
    branch_head="list show add undo export @branch",
    compliance="read export @all; add undo @self",
    audit="read export @all; add undo @self",
    committee=OWN_ABSENCE,
    committee_office=OWN_ABSENCE,
    team_lead=OWN_ABSENCE,
    customer_manager=OWN_ABSENCE,
    product_manager=OWN_ABSENCE,
    risk=OWN_ABSENCE,
    approver=OWN_ABSENCE,
    finance=OWN_ABSENCE,
    collections=OWN_ABSENCE,
)
grant(
    "StaffMove",
    administrator="read write undo approve run export @all",
    hr="read write undo approve run export @all",
    branch_head="read write undo export @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant("User", administrator="list show add edit reveal @all", audit="read @all")
grant(
    "Parameter",
    administrator="full @all",
    committee=ALL_READ,
    risk="read write export @all",
    finance=ALL_READ,
    compliance="read write export @all",
    audit=ALL_READ,
    branch_head="read @all",
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "Product",
    administrator="full @all",
    committee=ALL_READ,
    branch_head="read @all",
    team_lead="read @all",
    customer_manager="read @all",
    risk="read write export @all",
    approver="read @all",
    finance="read export migrate @all",
    collections="read @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office=ALL_READ,
    product_manager="read write export @all",
)
for priced in ("FeeItem", "PricePart"):
    grant(
        priced,
        administrator="read @all",
        committee=ALL_READ,
        branch_head="read @all",
        team_lead="read @all",
        customer_manager="read @all",
        risk=ALL_READ,
        approver="read @all",
        finance="read export import @all",
        compliance="read write export @all" if priced == "FeeItem" else ALL_READ,
        audit=ALL_READ,
        committee_office=ALL_READ,
        product_manager="read manage export @all",
    )
grant(
    "Customer",
    committee=ALL_READ,
    branch_head="read write export reveal @branch",
    team_lead="read write export reveal @team",
    customer_manager="read write export reveal @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read import @all",
    collections="read export reveal @branch",
    compliance="read export reveal @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "Consent",
    committee=ALL_READ,
    branch_head="read write export @branch",
    team_lead="read write export @team",
    customer_manager="read write export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read import @all",
    collections=LOCAL,
    compliance="read write export @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "CustomerFact",
    committee=ALL_READ,
    branch_head="read write export reveal @branch",
    team_lead="read write export reveal @team",
    customer_manager="read write export reveal @self",
    risk="read export reveal @all",
    approver="read export reveal @branch",
    finance="read import @all",
    collections=LOCAL,
    compliance="read export reveal @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "FinancialStatement",
    committee=ALL_READ,
    branch_head="read write export @branch",
    team_lead="read write export @team",
    customer_manager="read write export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read import @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "PersonRequest",
    branch_head="read add @branch",
    team_lead="read add @team",
    customer_manager="read add @self",
    compliance="read write export run reveal @all",
    audit=ALL_READ,
)
grant(
    "RelatedParty",
    committee=ALL_READ,
    branch_head="read manage export @branch",
    team_lead="read manage export @team",
    customer_manager="read manage export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read import @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "Grid",
    administrator="full @all",
    committee=ALL_READ,
    branch_head="read write export @branch",
    team_lead="read edit export @team",
    customer_manager="read export @self",
    risk=ALL_READ,
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office=ALL_READ,
    product_manager="read @all",
)
grant(
    "MapLine",
    administrator="full @all",
    committee="read @all",
    branch_head="read @all",
    team_lead="read @all",
    customer_manager="read @all",
    risk="read @all",
    compliance="read @all",
    audit="read @all",
    committee_office="read @all",
    product_manager="read @all",
)
grant("ImportBatch", administrator="full @all", finance="full @all", compliance="read @all", audit="read @all")
grant(
    "Metrics",
    committee="read @all",
    branch_head="read @branch",
    team_lead="read @team",
    customer_manager="read @self",
    risk="read @all",
    approver="read @branch",
    finance="read @all",
    collections="read @branch",
    compliance="read @all",
    audit="read @all",
    administrator="read @all",
    hr="read @all",
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "PortfolioDashboard",
    committee="read export @all",
    branch_head="read export @branch",
    team_lead="read export @team",
    customer_manager="read @self",
    risk="read export @all",
    finance="read export @all",
    collections="read @branch",
    compliance="read export @all",
    audit="read export @all",
    committee_office="read export @all",
    product_manager="read export @all",
)
for risk_page in (
    "ChangedDashboard",
    "MigrationDashboard",
    "VintagesDashboard",
    "ProvisionsDashboard",
    "BranchesDashboard",
    "ConcentrationDashboard",
    "CashDashboard",
):
    grant(
        risk_page,
        committee="read export @all",
        branch_head="read export @branch",
        team_lead="read export @team",
        customer_manager="read @self",
        risk="read export @all",
        finance="read export @all",
        collections="read @branch",
        compliance="read export @all",
        audit="read export @all",
        committee_office="read export @all",
        product_manager="read export @all",
    )
grant(
    "Report",
    committee="read run export @all",
    branch_head="read run export @branch",
    risk="read run export @all",
    finance="read run export @all",
    compliance="read run export @all",
    audit="read run export @all",
    committee_office="read run export @all",
    product_manager="read run @all",
)
grant(
    "Role",
    administrator="list show add edit export import approve @all",
    compliance="read export approve @all",
    audit="read export @all",
)
grant("ViewAs", administrator="run @all", audit="run @all")
grant("AuditEntry", administrator="read @all", compliance=ALL_READ, audit=ALL_READ)
