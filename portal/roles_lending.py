"""The role table, continued: loans and what is done to them."""

from __future__ import annotations

from portal.core.roles import grant
from portal.roles import ALL_READ, LOCAL

grant(
    "Loan",
    committee=ALL_READ,
    branch_head=LOCAL,
    team_lead="read export @team",
    customer_manager="read export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read export import @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "Instalment",
    committee=ALL_READ,
    branch_head=LOCAL,
    team_lead="read export @team",
    customer_manager="read export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read export import @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "Reminder",
    branch_head="read @branch",
    team_lead="read @team",
    customer_manager="read @self",
    risk="read @all",
    collections="read @branch",
    audit="read @all",
)
grant(
    "Repayment",
    committee=ALL_READ,
    branch_head=LOCAL,
    team_lead="read export @team",
    customer_manager="read export @self",
    risk=ALL_READ,
    approver=LOCAL,
    finance="read export import add @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "HeldReceipt",
    committee=ALL_READ,
    branch_head=LOCAL,
    finance="read export add run undo @all",
    collections=LOCAL,
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "Relief",
    committee=ALL_READ,
    branch_head="read export approve @branch",
    risk=ALL_READ,
    approver="read export approve @branch",
    finance="read export add @all",
    collections="read export add @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "Rescheduling",
    committee=ALL_READ,
    branch_head="read export add approve @branch",
    team_lead="read add @team",
    customer_manager="read add @self",
    risk="read export approve @all",
    approver="read export approve @branch",
    finance=ALL_READ,
    collections="read export add @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "BankLine",
    finance="read export import run undo @all",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "Journal",
    committee=ALL_READ,
    branch_head=LOCAL,
    risk=ALL_READ,
    finance="read export undo @all",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "MonthEndEntry",
    committee=ALL_READ,
    risk=ALL_READ,
    finance="read export undo @all",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "MonthEndProposal",
    committee=ALL_READ,
    risk=ALL_READ,
    approver="read approve @all",
    finance="read add export approve @all",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "VatLine",
    committee=ALL_READ,
    finance=ALL_READ,
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "TrialBalance",
    committee="read @all",
    finance="read @all",
    compliance="read @all",
    audit="read @all",
)
grant(
    "CategoryReview",
    committee=ALL_READ,
    branch_head="read add export approve @branch",
    team_lead="read add @team",
    customer_manager="read add @self",
    risk="read add export approve @all",
    approver="read @branch",
    finance=ALL_READ,
    collections="read @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
)
grant(
    "WriteOffProposal",
    committee="read export approve @all",
    branch_head="read add export @branch",
    risk="read export approve @all",
    finance=ALL_READ,
    collections="read add @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "RiskAssessment",
    committee=ALL_READ,
    branch_head=LOCAL,
    risk="read write export approve @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read export approve @all",
)
grant(
    "IndustryNotice",
    committee=ALL_READ,
    branch_head="read @all",
    team_lead="read @all",
    customer_manager="read @all",
    risk="read manage export @all",
    approver="read @all",
    collections="read @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read manage export @all",
    product_manager="read @all",
)
grant(
    "WarningRule",
    administrator="read manage export run approve @all",
    committee=ALL_READ,
    branch_head="read @all",
    team_lead="read @all",
    customer_manager="read @all",
    risk="read manage export run approve @all",
    approver="read @all",
    collections="read @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "WarningCase",
    committee=ALL_READ,
    branch_head="read run approve export @branch",
    team_lead="read run approve export @team",
    customer_manager="read run export @self",
    risk="read run approve export @all",
    approver="read @branch",
    collections="read @branch",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "CalendarDay",
    administrator="read manage export import @all",
    committee=ALL_READ,
    branch_head="read @all",
    team_lead="read @all",
    customer_manager="read @all",
    risk=ALL_READ,
    approver="read @all",
    finance=ALL_READ,
    collections="read @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    hr="read @all",
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "DayEnd",
    administrator="read run @all",
    committee="read @all",
    risk="read @all",
    finance="read run @all",
    compliance="read @all",
    audit="read @all",
)
grant(
    "GuaranteeContract",
    committee=ALL_READ,
    branch_head="read write export reveal @branch",
    team_lead="read write export reveal @team",
    customer_manager="read write export reveal @self",
    risk="read manage export run reveal @all",
    approver=LOCAL,
    finance="read import @all",
    collections="read write export reveal @branch",
    compliance="read export reveal @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "AllInCost",
    branch_head="read run @branch",
    team_lead="read run @team",
    customer_manager="read run @self",
    risk="read run @all",
    approver="read run @branch",
    finance="read run @all",
    compliance="read run @all",
    audit="read run @all",
    product_manager="read run @all",
)
grant(
    "LendingLimit",
    administrator="read @all",
    committee=ALL_READ,
    branch_head="read @all",
    risk="read manage export @all",
    approver="read @all",
    finance=ALL_READ,
    compliance="read write export @all",
    audit=ALL_READ,
    committee_office="read @all",
    product_manager="read @all",
)
grant(
    "CompanyFigure",
    committee=ALL_READ,
    risk=ALL_READ,
    finance="read manage export import @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "Borrowing",
    committee=ALL_READ,
    risk=ALL_READ,
    finance="read manage export import @all",
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "Insider",
    committee=ALL_READ,
    branch_head="read @branch",
    risk="read manage export @all",
    approver="read @branch",
    compliance="read manage export @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "LimitUsage",
    committee=ALL_READ,
    risk=ALL_READ,
    finance=ALL_READ,
    compliance=ALL_READ,
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "LimitBreach",
    committee=ALL_READ,
    risk="read edit export @all",
    finance=ALL_READ,
    compliance="read edit export @all",
    audit=ALL_READ,
    committee_office="read @all",
)
grant(
    "LimitCheck",
    committee="run @all",
    branch_head="run @branch",
    team_lead="run @team",
    customer_manager="run @self",
    risk="run @all",
    approver="run @branch",
    finance="run @all",
    compliance="run @all",
    audit="run @all",
    committee_office="run @all",
)
