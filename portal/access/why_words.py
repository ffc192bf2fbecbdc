"""A "why?" in words: one sentence, and the chain that leads to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from portal.access import tables
from portal.access.explaining import Because
from portal.access.why import Answer, Granting
from portal.access.words import MASK_WORDS, action_words, field_words, resource_words, scope_words
from portal.core.display import record_url
from portal.core.roles import SCOPE_WORDS
from portal.core.scope import ALL, BRANCH, NONE, SELF, TEAM
from portal.core.values import CHINA

HEADS: dict[bool | None, Any] = {True: _("May"), False: _("May not"), None: _("It depends")}
TONES = {True: "ok", False: "danger", None: "warn"}

#: What decides, after "may" or "may not"; the words for `role`, `task`, `scope` and the places are filled in.
SENTENCES: dict[Because, Any] = {
    Because.CLOSED: _("%(who)s may not, because the login is closed."),
    Because.LEFT: _("%(who)s may not, because the person has left."),
    Because.NOT_GRANTED: _("%(who)s may not, because no role of this login grants “%(task)s”."),
    Because.GRANTED: _("%(who)s may, because the role “%(role)s” grants “%(task)s” (%(scope)s)."),
    Because.COMPANY: _("%(who)s may, because the role “%(role)s” grants “%(task)s” for the whole company."),
    Because.NOBODYS: _(
        "%(who)s may, because the role “%(role)s” grants “%(task)s”; these records belong to no branch, team or "
        "person, so it counts for each of them."
    ),
    Because.IN_BRANCH: _(
        "%(who)s may, because the role “%(role)s” grants “%(task)s” for the own branch, and the record belongs to "
        "%(branch)s, which is the person's branch or below it."
    ),
    Because.OUTSIDE_BRANCH: _(
        "%(who)s may not, because the role “%(role)s” grants “%(task)s” for “%(scope)s” only: the record belongs to "
        "%(branch)s, the person to %(home)s."
    ),
    Because.IN_TEAM: _(
        "%(who)s may, because the role “%(role)s” grants “%(task)s” for the own team, and the record belongs to the "
        "person's team %(team)s of %(branch)s."
    ),
    Because.OTHER_TEAM: _(
        "%(who)s may not, because the role “%(role)s” grants “%(task)s” for the own team only: the record belongs to "
        "team %(team)s of %(branch)s, the person to team %(own_team)s."
    ),
    Because.OWN: _(
        "%(who)s may, because the role “%(role)s” grants “%(task)s” for what the person looks after, and this is one "
        "of these records."
    ),
    Because.OTHER_MANAGER: _(
        "%(who)s may not, because the role “%(role)s” grants “%(task)s” only for what the person looks after: this "
        "record is looked after by %(manager)s."
    ),
    Because.OTHER_BRANCH: _(
        "%(who)s may not, because the role “%(role)s” grants “%(task)s” only for what the person looks after in the "
        "own branch: the record belongs to %(branch)s, the person to %(home)s."
    ),
    Because.COMPANYS: _("%(who)s may, because the record concerns the whole company: every branch reads it."),
    Because.NO_OWNER: _(
        "%(who)s may not, because the role “%(role)s” grants “%(task)s” for “%(scope)s” only, and this record belongs "
        "to no branch: only who sees the whole company sees it."
    ),
    Because.OWNER: _("%(who)s may, because the record is personal and this is its owner."),
    Because.SHARED: _("%(who)s may, because its owner shares this personal record with the person's team or branch."),
    Because.OTHER_OWNER: _("%(who)s may not, because the record is personal and belongs to another login."),
    Because.NO_RECORD: _("%(who)s may not, because there is no such record."),
    Because.UNTOLD: _(
        "It depends on whose record it is: the role “%(role)s” grants “%(task)s” for “%(scope)s”. You may not see this "
        "record or its owner, or there is none, so more is not told here."
    ),
    Because.ANY_RECORD: _(
        "%(who)s may, whichever record it is, because the role “%(role)s” grants “%(task)s” for the whole company. You "
        "may not see this record, or there is none."
    ),
    Because.STANDS_IN: _("%(who)s may, because “%(lender)s” has handed rows and rights over until %(until)s."),
    Because.SCREEN: _(
        "%(who)s may not: the role “%(role)s” grants “%(task)s” (%(scope)s), but this screen shows only a part of its "
        "records, and this one is not among them."
    ),
}
HEAD_OFFICE = _(
    "%(who)s may, because the role “%(role)s” grants “%(task)s” for the own branch, and the person belongs to the head "
    "office, whose branch is the whole company."
)

MEANINGS: dict[str, Any] = {
    ALL: _("every record of the company"),
    BRANCH: _("records of the person's branch and the branches below it"),
    TEAM: _("records of the person's team"),
    SELF: _("records that the person looks after, in the own branch"),
}


@dataclass(frozen=True)
class Step:
    """One link of the chain: its heading and what stands there, line by line, each with a second, quieter part."""

    heading: str
    lines: Sequence[tuple[str, str]]
    url: str = ""
    """Where the first line leads."""


def sentence(answer: Answer) -> str:
    """The verdict in one sentence."""
    person, because = answer.person, answer.verdict.because
    if because is Because.NOT_GRANTED and not answer.roles:
        return gettext("%(who)s may not, because this login has no role.", who=_who(answer))
    words = SENTENCES[because]
    if because is Because.COMPANY and person.whole and person.scope == BRANCH:
        words = HEAD_OFFICE
    unseen = gettext("(not shown to you)")
    named = {name: str(answer.places.get(name, unseen)) for name in ("branch", "team", "manager", "home", "own_team")}
    owner = answer.owner
    if owner is not None:
        nobody = {"team": (owner.team, gettext("(none)")), "manager": (owner.manager, gettext("nobody"))}
        named |= {name: words_for for name, (key, words_for) in nobody.items() if key is None}
    if not person.teams:
        named["own_team"] = gettext("(none)")
    if person.home == -1:
        named["home"] = gettext("no branch")
    granting = answer.roles[0] if answer.roles else None
    return str(words) % {
        "who": _who(answer),
        "role": granting.label if granting is not None else "",
        "task": _task(answer),
        "scope": scope_words(answer.resource, person.scope, answer.action),
        "lender": answer.lender.name if answer.lender is not None else "",
        "until": answer.lender.until if answer.lender is not None else "",
        **named,
    }


def _who(answer: Answer) -> str:
    return tables.person_of(answer.user)


def _task(answer: Answer) -> str:
    words = {"resource": resource_words(answer.resource), "actions": action_words(answer.resource, answer.action)}
    return gettext("%(resource)s: %(actions)s", **words)


def chain(answer: Answer) -> list[Step]:
    """Login, roles, scope, place, record, fields: what the sentence rests on."""
    steps = [
        Step(gettext("Login"), _login(answer)),
        Step(gettext("Roles"), [_role(answer, one) for one in answer.roles]),
    ]
    person = answer.person
    if person.scope != NONE:
        steps.append(Step(gettext("Scope that counts"), [_scope(answer)]))
    if place := _standing(answer):
        steps.append(Step(gettext("Place of the person"), place))
    if answer.row is not None:
        steps.append(Step(gettext("Record"), _record(answer), record_url(answer.row)))
    if answer.masks:
        shown = [(f"{field_words(answer.resource, name)}: {MASK_WORDS[mask]}", "") for name, mask in answer.masks]
        steps.append(Step(gettext("Fields not shown in full"), shown))
    return [step for step in steps if step.lines]


def _login(answer: Answer) -> list[tuple[str, str]]:
    if not answer.person.open:
        state = gettext("closed: it opens nothing")
    elif answer.person.left:
        state = gettext("the person has left: it opens nothing")
    else:
        state = gettext("may sign in")
    lines = [(f"{_who(answer)} ({answer.user.username})", state)]
    if answer.locked:
        wait = ngettext("%(num)s more second", "%(num)s more seconds", answer.locked)
        lines.append(
            (
                gettext("Locked after wrong passwords"),
                gettext("cannot sign in for %(wait)s; open sessions go on", wait=wait),
            )
        )
    return lines


def _role(answer: Answer, granting: Granting) -> tuple[str, str]:
    if granting.scope == NONE:
        said = gettext("%(role)s: does not grant it", role=granting.label)
    else:
        reach = scope_words(answer.resource, granting.scope, answer.action)
        said = gettext("%(role)s: %(scope)s", role=granting.label, scope=reach)
    version = granting.changed
    if version is None:
        return said, gettext("as delivered")
    at = (version.decided_at or version.proposed_at).astimezone(CHINA)
    facts = {"number": version.number, "day": f"{at:%Y-%m-%d}", "reason": version.reason}
    return said, gettext("since version %(number)s of %(day)s: %(reason)s", **facts)


def _scope(answer: Answer) -> tuple[str, str]:
    person = answer.person
    words = scope_words(answer.resource, person.scope, answer.action)
    if person.whole and person.scope == BRANCH:
        return words, gettext("the person belongs to the head office: every record of the company")
    if person.scope == ALL and words != str(SCOPE_WORDS[ALL]):
        return words, ""
    return words, str(MEANINGS[person.scope])


def _standing(answer: Answer) -> list[tuple[str, str]]:
    if answer.person.home == -1:
        return [] if answer.person.left else [(gettext("This login belongs to nobody on the staff."), "")]
    home, team = answer.places.get("home"), answer.places.get("own_team")
    said = [str(row) for row in (home, team) if row is not None]
    return [(" · ".join(said), "")] if said else []


def _record(answer: Answer) -> list[tuple[str, str]]:
    lines = [(str(answer.row), "")]
    if answer.parent is not None:
        lines.append((gettext("It belongs to whoever looks after %(parent)s.", parent=str(answer.parent)), ""))
    owner = answer.owner
    if owner is not None and owner.kind == "owned":
        named = (("branch", _("Branch")), ("team", _("Team")), ("manager", _("Customer manager")))
        lines += [(f"{words}: {answer.places[name]}", "") for name, words in named if name in answer.places]
    return lines
