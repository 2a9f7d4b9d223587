# SPDX-License-Identifier: BSL-1.0
"""What is compared: the scenarios, and the limits that the project keeps."""
import dataclasses

BASELINE = "empty-query"  # two of the cheapest round trips, which every scenario of whole cycles is compared with


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str  # for files and --only
    title: str
    task: str  # who takes part: contestants that name this task
    baseline: str  # the contestant that the ratios are to
    transport: str = "socket"  # socket, tcp, delay
    placement: str = "apart"  # client and server on CPUs of their own, or together on one
    sessions: int = 1
    keys: str = "distinct"
    unit: str = "cycle"  # of which the time is told
    set_size: int = 0  # keys, where sets are locked
    only: tuple = ()  # if not empty, of those who could, these
    rounds: int = 1  # so many times as many rounds as others have

    @property
    def hand_off(self):
        return self.task == "hand-off"


# Those who stand for their kind where everybody would be too many connections, or too much to read.
FEW = (BASELINE, "libpq-text", "libpq-prepared", "libpq-fast-path", "soci-prepared", "soci-one-shot", "psycopg2",
       "django-pglocks", "pglocks-lock", "pglocks-guard-name", "pglocks-guard-literal")

# Most of a round trip between two CPUs is the time to wake the other one up, the same for everybody. On one CPU there
# is none of it, and what is left is the work that each contestant makes for both sides: there the limits are kept.
SCENARIOS = (
    # Few contestants, so that those that are compared work one right after the other, and more rounds: noise is larger
    # than what is between them.
    Scenario("limits", "One session, a free key: those that have a limit, and PQfn; client and server on one CPU",
             "alone", BASELINE, placement="together", rounds=8,
             only=(BASELINE, "libpq-fast-path", "pglocks-lock", "pglocks-guard-literal")),
    Scenario("alone", "One session, a free key; client and server on one CPU", "alone", BASELINE,
             placement="together"),
    Scenario("alone-apart", "One session, a free key; client and server on a CPU each", "alone", BASELINE),
    Scenario("alone-tcp", "One session, a free key, loopback TCP", "alone", BASELINE, transport="tcp"),
    Scenario("alone-delay", "One session, a free key, loopback TCP with 1 ms of added delay", "alone", BASELINE,
             transport="delay"),
    Scenario("distinct-8", "8 sessions, distinct keys", "distinct", BASELINE, sessions=8),
    Scenario("distinct-64", "64 sessions, distinct keys", "distinct", BASELINE, sessions=64, only=FEW),
    Scenario("distinct-8-tcp", "8 sessions, distinct keys, loopback TCP", "distinct", BASELINE, transport="tcp",
             sessions=8, only=FEW),
    Scenario("distinct-64-delay", "64 sessions, distinct keys, loopback TCP with 1 ms of added delay", "distinct",
             BASELINE, transport="delay", sessions=64, only=FEW),
    Scenario("hot-8", "8 sessions, one hot key", "hot", "libpq-fast-path", sessions=8, keys="hot"),
    Scenario("hot-64", "64 sessions, one hot key", "hot", "libpq-fast-path", sessions=64, keys="hot",
             only=FEW),
    Scenario("hot-8-delay", "8 sessions, one hot key, loopback TCP with 1 ms of added delay", "hot", "libpq-fast-path",
             transport="delay", sessions=8, keys="hot", only=FEW),
    Scenario("hand-off", "Hand-off from the holder to a waiter; client and server on one CPU", "hand-off",
             "libpq-fast-path", placement="together", unit="hand-off", rounds=4),
    Scenario("hand-off-apart", "Hand-off from the holder to a waiter; client and server on a CPU each", "hand-off",
             "libpq-fast-path", unit="hand-off"),
    Scenario("transaction", "BEGIN, a lock, COMMIT; client and server on one CPU", "transaction",
             "libpq-transaction-fast-path", placement="together"),
    Scenario("set-2", "A set of 2 keys acquired and released; client and server on one CPU", "set", "libpq-set-loop",
             placement="together", unit="set", set_size=2),
    Scenario("set-10", "A set of 10 keys acquired and released; client and server on one CPU", "set", "libpq-set-loop",
             placement="together", unit="set", set_size=10),
    Scenario("set", "A set of 1,000 keys acquired and released; client and server on one CPU", "set", "libpq-set-loop",
             placement="together", unit="set", set_size=1000),
    Scenario("set-delay", "A set of 1,000 keys, loopback TCP with 1 ms of added delay", "set", "libpq-set-loop",
             transport="delay", unit="set", set_size=1000),
    Scenario("compile-time", "Compile time: CPU time of the compiler, without optimisation", "compile", "soci-headers",
             unit="translation unit"),
)


@dataclasses.dataclass(frozen=True)
class Limit:
    """Of the ratio of a contestant to another one: at most so much, or at least so many times as fast. Where
    it is `beyond` a third one, the ratio is of each of what it has `more` than that one."""

    what: str
    scenario: str
    contestant: str
    to: str
    at_most: float = 0
    at_least: float = 0
    beyond: str = ""
    more: int = 0


LIMITS = (
    Limit("`lock(); unlock();` to two empty round trips", "limits", "pglocks-lock", BASELINE, at_most=1.05),
    Limit("a guard with a `_lock` literal, constructed and destroyed, to two empty round trips", "limits",
          "pglocks-guard-literal", BASELINE, at_most=1.06),
    Limit("hand-off to one between raw libpq sessions, by `PQexec`", "hand-off", "pglocks-lock", "libpq-text",
          at_most=1.10),
    Limit("hand-off to one between raw libpq sessions, by `PQfn`", "hand-off", "pglocks-lock", "libpq-fast-path",
          at_most=1.10),
    Limit("hand-off to one between raw libpq sessions, waiting by `PQexec` and released by `PQfn`", "hand-off",
          "pglocks-lock", "libpq-visible-wait", at_most=1.10),
    Limit("1,000 keys in one `advisory_lock_set` to a loop over single locks", "set", "pglocks-set", "libpq-set-loop",
          at_least=20),
    Limit("compile time of `pglocks/pglocks.hpp` to that of SOCI's headers", "compile-time", "pglocks-umbrella",
          "soci-headers", at_most=1.25),
    Limit("compile time of each further lock type, as a guard, to that of SOCI's headers", "compile-time",
          "pglocks-24-lock-types", "soci-headers", at_most=0.015, beyond="pglocks-4-lock-types", more=20),
)


def participants(scenario, contestants):
    """Of {name: Contestant} those that are measured in a scenario, the baseline first."""
    names = [name for name, contestant in contestants.items()
             if scenario.task in contestant.tasks and (not scenario.only or name in scenario.only)]
    return {name: contestants[name] for name in sorted(names, key=lambda name: (name != scenario.baseline, name))}
