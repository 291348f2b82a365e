"""`kscaffold template lint`: check a template without rendering it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from kscaffold.cli.new import own_names
from kscaffold.cli.shared import format_option, ref_option, sources_argument
from kscaffold.cli.terminal import Styled, columns, echo, echo_json
from kscaffold.errors import TemplateError
from kscaffold.lint import ADVICE, ERROR, RULES, lint
from kscaffold.lint.findings import severity_of


@click.command()
@sources_argument
@ref_option
@click.option("--rules", is_flag=True, help="List the rules.")
@format_option()
@click.pass_context
def command(
    ctx: click.Context, sources: tuple[str, ...], ref: str | None, rules: bool, form: str
) -> int:
    """Check a template without rendering it.

    Without a SOURCE, the built-in template; several are put on top of each other. Each finding has
    its file and line, the name of the rule, what is wrong and how to fix it.

    The exit code is 4 if there are errors. Advice is about readability; it does not fail.
    """
    if rules:
        return _list_rules(form)
    findings = lint(sources, Path(), ref, own_names(ctx))
    errors, advice = (sum(each.severity == kind for each in findings) for kind in (ERROR, ADVICE))
    exit_code = TemplateError.exit_code if errors else 0
    if form == "json":
        listed = [{**asdict(each), "severity": each.severity} for each in findings]
        for each in listed:
            del each["layer"]
        counts = {"errors": errors, "advice": advice, "exit_code": exit_code}
        echo_json({"findings": listed, **counts})
    else:
        for finding in findings:
            location = Styled(f"{finding.file}:{finding.line}", bold=True)
            rule = Styled(finding.rule, fg="red" if finding.severity == ERROR else "yellow")
            echo(location, ": ", rule, f": {finding.message}; {finding.fix}")
        counted = [
            f"{errors} error{'s' * (errors != 1)}" if errors else "",
            f"{advice} piece{'s' * (advice != 1)} of advice" if advice else "",
        ]
        echo(", ".join(filter(None, counted)) or "nothing found", err=True)
    return exit_code


def _list_rules(form: str) -> int:
    rules = [
        {"rule": name, "severity": severity_of(name), "finds": text} for name, text in RULES.items()
    ]
    if form == "json":
        echo_json(rules)
        return 0
    advice = {ADVICE: "advice: ", ERROR: ""}
    for line in columns([(r["rule"], f"{advice[r['severity']]}{r['finds']}") for r in rules]):
        echo(line.rstrip())
    return 0
