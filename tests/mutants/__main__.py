"""Try every fault of the catalogue: `python -m tests.mutants`. Exit 1 unless an assertion noticed each of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tests.mutants import catalogue
from tests.mutants.bench import Bench, Outcome, Task, postgres_answers
from tests.mutants.catalogue import Misfit, Mutant
from tests.mutants.trial import BADLY, KILLED, SURVIVED

PARTS = 20  # `--twentieth`: a commit's hash says which part of the catalogue its gate tries


def main() -> int:
    options = _options()
    try:
        chosen = chosen_by(catalogue.load(), options)
        tasks = [_task(mutant) for mutant in chosen if not mutant.equivalent]
    except Misfit as exc:
        print(f"misfit: {exc}")
        return 1
    if not chosen:
        print("mutants: none is chosen")
        return 1
    for mutant in chosen:
        if mutant.equivalent:
            print(f"equivalent    {mutant.id}: {mutant.equivalent}")
    left_out = [] if postgres_answers() else [task for task in tasks if task.postgres]
    for task in left_out:
        print(f"not run       {task.name}: PostgreSQL does not answer")
    tasks = [task for task in tasks if task not in left_out]
    with Bench(options.jobs) as bench:
        if wrong := _wrong_already(bench, tasks):
            print(*wrong, sep="\n")
            return 1
        outcomes = _tried(bench, tasks, {mutant.id: mutant for mutant in chosen})
    killed = sum(outcome.verdict.word == KILLED for outcome in outcomes)
    survived = sum(outcome.verdict.word == SURVIVED for outcome in outcomes)
    print(f"mutants: {len(outcomes)} killed {killed} survived {survived}")
    return int(killed < len(outcomes) or bool(left_out and not options.without_postgres))


def chosen_by(mutants: Sequence[Mutant], options: argparse.Namespace) -> list[Mutant]:
    """Those that are asked for."""
    if options.only:
        return [mutant for mutant in mutants if mutant.id in options.only]
    if options.area:
        return [mutant for mutant in mutants if mutant.area in options.area]
    if options.twentieth:
        part = int(options.twentieth, 16) % PARTS
        run = sorted((mutant for mutant in mutants if not mutant.equivalent), key=lambda mutant: mutant.id)
        return run[part::PARTS]
    return list(mutants)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these")
    parser.add_argument("--area", nargs="+", help="only these files of the catalogue")
    parser.add_argument("--twentieth", metavar="COMMIT", help="only the twentieth that this commit's hash names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at a time")
    parser.add_argument("--without-postgres", action="store_true", help="what needs PostgreSQL may be left out")
    return parser.parse_args()


def _task(mutant: Mutant) -> Task:
    return Task(mutant.id, catalogue.fault(mutant), mutant.tests, postgres=mutant.stack == "postgres")


def _wrong_already(bench: Bench, tasks: Sequence[Task]) -> list[str]:
    """The tests must pass on the true code: one that fails anyway would notice everything."""
    wanted = {
        postgres: list(dict.fromkeys(test for task in tasks if task.postgres is postgres for test in task.tests))
        for postgres in (False, True)
    }
    truth = [
        Task(f"true-code{'-on-postgres' if postgres else ''}", None, tests, postgres)
        for postgres, tests in wanted.items()
        if tests
    ]
    return [
        f"without a fault: {outcome.verdict.why}" for outcome in bench.run(truth) if outcome.verdict.word != SURVIVED
    ]


def _tried(bench: Bench, tasks: Sequence[Task], mutants: dict[str, Mutant]) -> list[Outcome]:
    outcomes = []
    for outcome in bench.run(tasks):
        word, name = outcome.verdict.word, outcome.task.name
        print(f"{word:13} {name:40} {outcome.seconds:5.1f} s  {outcome.verdict.why}", flush=True)
        if word in (SURVIVED, BADLY):
            print(f"              means: {mutants[name].means}", flush=True)
        outcomes.append(outcome)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
