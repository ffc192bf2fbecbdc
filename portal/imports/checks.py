"""One file from opening to verdict: read, mapped, converted, judged. Nothing is written to the database."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from portal.core.errors import Forbidden, NotFound
from portal.core.scope import ALL, actor
from portal.imports import reading
from portal.imports.checking import Converter, Problem, Problems, TooManyProblems
from portal.imports.kinds import Kind, Part, Run, Status, kinds
from portal.imports.kinds.kind import STATUS
from portal.imports.limits import ImportLimits, limits_in_force
from portal.imports.mapping import Mapping, MappingProblem, rewrite, suggest
from portal.imports.reading import LINE, FileProblem, Table

FIRST_ROWS = 20

Report = Callable[[int, int, str], None]
"""Told how many of how many rows are done, and with what."""


def silent(_done: int, _total: int, _message: str) -> None:
    """Nobody watches."""


@dataclass
class Checked:
    """What a file would do, and everything that is needed to do it."""

    kind: Kind
    mapping: Mapping
    path: Path
    name: str
    sha256: str
    size: int
    headings: list[str]
    limits: ImportLimits
    folder: Path
    """Where the typed rows wait, in files of one chunk each."""
    cut_over: date | None = None
    problems: Problems = field(default_factory=Problems)
    counts: Counter[Status] = field(default_factory=Counter)
    created: dict[str, int] = field(default_factory=dict)
    """Records that are made on the way, by kind."""
    first_rows: list[dict[str, str]] = field(default_factory=list)
    """By field, as shown; LINE and STATUS too."""
    warnings: list[str] = field(default_factory=list)
    chunks: int = 0
    estimate: int = 0

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    @property
    def columns(self) -> list[tuple[str, Any]]:
        """Field and label of each previewed column."""
        return [(name, self.kind.fields[name].label) for name in self.mapping.rules]

    def first_problems(self) -> list[Problem]:
        return self.problems.ordered()[:FIRST_ROWS]

    def verdict(self) -> str:
        """One sentence for whoever must correct the file."""
        wrong = len(self.problems.rows)
        rows = ngettext("%(num)s row is wrong", "%(num)s rows are wrong", wrong)
        if not self.problems.complete:
            rows = gettext("More than %(num)s rows are wrong", num=f"{wrong:,}")
        return gettext("%(rows)s, so nothing was imported.", rows=rows)

    def parts(self, problems: Problems) -> list[Part]:
        """Fresh parts: records created on the way in the mapping's order, then the rows themselves."""
        given = [(kinds[c.kind], c.rules, True) for c in self.mapping.create] + [(self.kind, self.mapping.rules, False)]
        return [Part(kind, rules, self._converter(kind, rules, problems), creation) for kind, rules, creation in given]

    def _converter(self, kind: Kind, rules: Any, problems: Problems) -> Converter:
        return Converter(kind.fields, rules, self.headings, problems, self.limits.largest_money, kind.checks())

    def spooled(self, part: int, chunk: int) -> Path:
        return self.folder / f"{part}-{chunk}.arrow"


def need_right(kind: Kind, mapping: Mapping | None = None) -> None:
    """Importing is a company-wide act with a right of its own for each kind, and for each kind created on the way."""
    who = actor()
    if who.scope("ImportBatch", "run") != ALL or who.scope(kind.resource, "import") != ALL:
        raise Forbidden(_("Your role may not import %(kind)s.", kind=kind.label))
    for made in [kinds[creation.kind] for creation in mapping.create] if mapping else ():
        if ALL not in (who.scope(made.resource, "import"), who.scope(made.resource, "migrate")):
            raise Forbidden(_("Your role may not create %(kind)s by way of a file.", kind=made.label))


def kind_called(key: str) -> Kind:
    if key not in kinds:
        known = ", ".join(kinds)
        raise NotFound(_("There is no kind of import called “%(name)s”; there are: %(known)s.", name=key, known=known))
    return kinds[key]


@contextmanager
def checked_file(
    path: Path,
    kind: Kind,
    mapping: Mapping | None = None,
    *,
    name: str = "",
    cut_over: date | None = None,
    to_write: bool = True,
    report: Report = silent,
) -> Iterator[Checked]:
    """Check a file. Inside the context its rows can be written (if `to_write`); afterwards only the verdict is left.

    FileProblem or MappingProblem when the file as a whole cannot be read.
    """
    need_right(kind, mapping)
    limits = limits_in_force()
    table = kind.open(path, limits.file)
    if mapping is None:
        mapping = Mapping(kind.key, suggest(kind.fields, table.headings))
    _fits(kind, mapping, table)
    if kind.needs_cut_over and not (cut_over or mapping.cut_over):
        raise MappingProblem(_("Opening positions need their cut-over date."))
    with tempfile.TemporaryDirectory(prefix="gridlend-import-") as folder:
        checked = Checked(
            kind,
            mapping,
            path,
            name or path.name,
            reading.fingerprint(path),
            path.stat().st_size,
            table.headings,
            limits,
            Path(folder),
            cut_over=cut_over or mapping.cut_over,
            estimate=table.estimate,
        )
        _check(checked, table, to_write, report)
        yield checked


def _fits(kind: Kind, mapping: Mapping, table: Table) -> None:
    if mapping.kind != kind.key:
        raise MappingProblem(_("This mapping is for %(theirs)s, not for %(ours)s.", theirs=mapping.kind, ours=kind.key))
    missing = mapping.missing_columns(table.headings)
    if missing:
        raise FileProblem(_("The file has no column “%(name)s”, which the mapping names.", name=missing[0]))
    needed = [name for name in kind.needed(mapping.rules) if name not in mapping.rules]
    if needed:
        labels = gettext(", ").join(f"“{kind.fields[name].label}”" for name in needed)
        raise FileProblem(_("The file has no column for %(labels)s.", labels=labels))
    for creation in mapping.create:
        if not kinds[creation.kind].creatable:
            raise MappingProblem(_("%(kind)s cannot be created on the way.", kind=creation.kind))


def _check(checked: Checked, table: Table, to_write: bool, report: Report) -> None:
    run = Run(checked.problems, to_write, cut_over=checked.cut_over)
    parts = checked.parts(checked.problems)
    made: list[list[pl.Series]] = [[] for _part in parts]
    verdicts: list[pl.DataFrame] = []
    done = 0
    try:
        for chunk, text in enumerate(table.chunks()):
            for index, part in enumerate(parts):
                frame = part.converter.typed(rewrite(text, part.rules, checked.mapping.blanks))
                judged = part.kind.judge(frame, part, run)
                if run.to_write:
                    judged.write_ipc(checked.spooled(index, chunk))
                if part.creation:
                    made[index].append(judged.filter(pl.col(STATUS) == Status.NEW)["code"].unique())
                else:
                    verdicts.append(judged.select(LINE, STATUS))
                    _preview(checked, judged, part)
            checked.chunks = chunk + 1
            done += text.height
            report(done, 2 * max(checked.estimate, done), gettext("Checking"))
        for part in parts:
            part.kind.finish(part, run)
    except TooManyProblems:
        pass
    _sum_up(checked, verdicts)
    checked.created = {part.kind.key: 0 for part in parts if part.creation}
    for part, codes in zip(parts, made, strict=True):
        if part.creation:
            checked.created[part.kind.key] += pl.concat(codes).n_unique() if codes else 0
    checked.warnings = [*map(str, table.notes), *checked.mapping.notes, *_rounding(parts), *_counted(run.warnings)]
    if not checked.rows:
        raise FileProblem(_("The file has headings but no rows."))


def _preview(checked: Checked, judged: pl.DataFrame, part: Part) -> None:
    for row in judged.head(max(0, FIRST_ROWS - len(checked.first_rows))).to_dicts():
        shown = {name: part.kind.shown(row, name) for name in part.rules}
        checked.first_rows.append({LINE: str(row[LINE]), STATUS: row[STATUS], **shown})


def _sum_up(checked: Checked, judged: list[pl.DataFrame]) -> None:
    """Count rows by what would become of them, now that everything wrong is known."""
    wrong = pl.Series(sorted(checked.problems.rows), dtype=pl.UInt32)
    checked.counts[Status.WRONG] = len(wrong)
    for frame in judged:
        for status, count in frame.filter(~pl.col(LINE).is_in(wrong.implode()))[STATUS].value_counts().iter_rows():
            checked.counts[Status(status)] += count
    for row in checked.first_rows:
        if int(row[LINE]) in checked.problems.rows:
            row[STATUS] = Status.WRONG.value


def _rounding(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        for name, count in part.converter.rounded.items():
            label = part.kind.fields[name].label
            if count:
                yield ngettext(
                    "%(field)s: %(num)s value was rounded.",
                    "%(field)s: %(num)s values were rounded.",
                    count,
                    field=label,
                )


def _counted(warnings: Counter[str]) -> Iterator[str]:
    for sentence, count in warnings.items():
        yield f"{sentence} ({count:,})" if count > 1 else sentence
