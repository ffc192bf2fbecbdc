"""The database: one session class, one model base, and the vocabulary of column types.

Money is an exact whole number of fen (1/100 yuan), a rate a whole number of parts per million a year
(12.61 % = 126_100).
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import sqlite3
from typing import Annotated, Any, Self

from flask_appbuilder import Model as FabModel
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import BigInteger, Date, DateTime, Engine, String, TypeDecorator, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Integer

from portal.core import guard as _guard  # noqa: F401 - listens on every engine
from portal.core import scope_writes as _scope_writes  # noqa: F401 - listens on every session
from portal.core.registry import RegistryError
from portal.core.scope import ScopedSession

FabModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class PortalSession(ScopedSession, FlaskSession):
    """The request's session: scoped, and bound by Flask-SQLAlchemy."""


db = SQLAlchemy(metadata=FabModel.metadata, session_options={"class_": PortalSession})
migrate = Migrate(compare_type=True, render_as_batch=True)


class Fen(TypeDecorator[int]):
    """Money as a whole number of fen. Refuses floats: they cannot hold a cent."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> int | None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(f"money is a whole number of fen, not {value!r}")
        return value


class Ppm(TypeDecorator[int]):
    """An annual rate in parts per million of one."""

    impl = Integer
    cache_ok = True


class Labelled(enum.StrEnum):
    """A closed list of values, each with the words people read: `NORMAL = "normal", _("Normal")`."""

    label: Any

    def __new__(cls, value: str, label: Any = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


_WORDS: dict[type[enum.StrEnum], dict[Any, Any]] = {}


def describe(choices: type[enum.StrEnum], words: dict[Any, Any]) -> None:
    """Give a pure enum (one that rules use) the words people read."""
    _WORDS[choices] = words


def label_of(choice: enum.StrEnum) -> Any:
    """The words for a choice (lazy)."""
    return choice.label if isinstance(choice, Labelled) else _WORDS[type(choice)][choice]


class Choice(TypeDecorator[Any]):
    """One of a closed list, kept by its value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, choices: type[enum.StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else self.choices(value)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A moment in UTC; aware in Python on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class CodePointString(String):
    """Text compared by code point on both engines, so that an index finds its beginning and both order alike."""


def code_point(length: int) -> String:
    """A CodePointString: SQLite compares so anyway, PostgreSQL by its collation C."""
    return CodePointString(length).with_variant(String(length, collation="C"), "postgresql")


BigKey = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER PRIMARY KEY

Id = Annotated[int, mapped_column(primary_key=True)]
BigId = Annotated[int, mapped_column(BigKey, primary_key=True, autoincrement=True)]
Code = Annotated[str, mapped_column(String(40))]
Name = Annotated[str, mapped_column(String(120))]
Text = Annotated[str, mapped_column(String(400))]
Money = Annotated[int, mapped_column(Fen)]
Rate = Annotated[int, mapped_column(Ppm)]
BusinessDate = Annotated[dt.date, mapped_column(Date)]
Moment = Annotated[dt.datetime, mapped_column(UtcDateTime)]


class days_between(GenericFunction[int]):  # noqa: N801 - an SQL function
    """Whole days from the first date to the second."""

    type = Integer()
    inherit_cache = True


@compiles(days_between, "sqlite")
def _days_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    start, end = (compiler.process(c, **kw) for c in element.clauses)
    return f"CAST(julianday({end}) - julianday({start}) AS INTEGER)"


@compiles(days_between, "postgresql")
def _days_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    start, end = (compiler.process(c, **kw) for c in element.clauses)
    return f"(CAST({end} AS DATE) - CAST({start} AS DATE))"


def table_name(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class days_after(GenericFunction[dt.date]):  # noqa: N801 - an SQL function
    """The date so many days after a date."""

    type = Date()
    inherit_cache = True


@compiles(days_after, "sqlite")
def _after_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    start, days = (compiler.process(c, **kw) for c in element.clauses)
    return f"date({start}, '+' || ({days}) || ' days')"


@compiles(days_after, "postgresql")
def _after_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    start, days = (compiler.process(c, **kw) for c in element.clauses)
    return f"(CAST({start} AS DATE) + CAST({days} AS INTEGER))"


class months_after(GenericFunction[dt.date]):  # noqa: N801 - an SQL function
    """The same day so many months later, or that month's last day when it is shorter."""

    type = Date()
    inherit_cache = True


@compiles(months_after, "sqlite")
def _months_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    start, months = (compiler.process(c, **kw) for c in element.clauses)
    # SQLite lets 31 January and a month run over into March: the last day of the month holds it back.
    return (
        f"min(date({start}, '+' || ({months}) || ' months'),"
        f" date({start}, 'start of month', '+' || (({months}) + 1) || ' months', '-1 day'))"
    )


@compiles(months_after, "postgresql")
def _months_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    start, months = (compiler.process(c, **kw) for c in element.clauses)
    return f"CAST(CAST({start} AS DATE) + make_interval(months => CAST({months} AS INTEGER)) AS DATE)"


class Model(FabModel):
    """Base of every table of ours. The table is named after the class; a name that is taken is refused."""

    __abstract__ = True
    __table_args__: Any = ()  # FAB's `extend_existing` would merge two tables of one name silently

    @declared_attr.directive
    def __tablename__(cls) -> str:
        name = table_name(cls.__name__)
        if name in FabModel.metadata.tables and "__table__" not in vars(cls):
            raise RegistryError(f"There are two models for the table {name!r}.")
        return name


class Versioned:
    """Rows that people edit: a version tells two editors apart."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


@event.listens_for(Engine, "connect")
def _sqlite_settings(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None  # we begin ourselves, see below
        for pragma in (
            "journal_mode=wal",
            "synchronous=normal",
            "foreign_keys=on",
            "busy_timeout=15000",
            "secure_delete=fast",
        ):
            connection.execute("pragma " + pragma)


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    """SQLite: a writer takes its lock at once, so that no update is built on a row that has moved on."""
    if connection.dialect.name == "sqlite":
        write = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
