"""`kscaffold template lint`: what is wrong with a template, as far as that can be read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kscaffold.cli.new import own_names
from kscaffold.cli.terminal import Styled, echo, echo_json, styled
from kscaffold.errors import TemplateError
from kscaffold.lint import ADVICE, ERROR, RULES, Finding, lint
from kscaffold.lint.findings import severity_of


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--ref", metavar="REF", help="The branch, tag or commit of a template from git.")
@click.option("--rules", is_flag=True, help="List the rules, and check nothing.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed."
)
@click.pass_context
def command(
    ctx: click.Context, sources: tuple[str, ...], ref: str | None, rules: bool, form: str
) -> None:
    """Check a template without rendering it.

    Without a SOURCE the built-in template; several are put on top of each other. A finding has its
    file and line, the name of the rule, what is wrong and what to do about it.

    Exit code 4 if there are errors; advice is for whoever reads the template, and fails nothing.
    """
    ctx.meta["kscaffold.format"] = form
    if rules:
        _list_rules(form)
        return
    findings = lint(sources, Path(), ref, own_names(ctx))
    counts = {kind: sum(each.severity == kind for each in findings) for kind in (ERROR, ADVICE)}
    exit_code = TemplateError.exit_code if counts[ERROR] else 0
    if form == "json":
        listed = [_described(each) for each in findings]
        report = {"findings": listed, "errors": counts[ERROR], "advice": counts[ADVICE]}
        echo_json({**report, "exit_code": exit_code})
    else:
        for each in findings:
            echo(*_line(each))
        echo(_summary(counts[ERROR], counts[ADVICE]), err=True)
    ctx.exit(exit_code)


def _list_rules(form: str) -> None:
    if form == "json":
        rules = [
            {"rule": name, "severity": severity_of(name), "finds": text}
            for name, text in RULES.items()
        ]
        echo_json(rules)
        return
    width = max(map(len, RULES))
    for name, text in RULES.items():
        advice = "advice: " if severity_of(name) == ADVICE else ""
        echo(f"{name:<{width}}  {advice}{text}")


def _described(finding: Finding) -> dict[str, Any]:
    values = {key: value for key, value in asdict(finding).items() if key != "layer"}
    return {**values, "severity": finding.severity}


def _line(finding: Finding) -> tuple[str | Styled, ...]:
    rule = styled(finding.rule, fg="red" if finding.severity == ERROR else "yellow")
    place = styled(f"{finding.file}:{finding.line}", bold=True)
    return place, ": ", rule, f": {finding.message}; {finding.fix}"


def _summary(errors: int, advice: int) -> str:
    counted = [
        f"{errors} error{'s' * (errors != 1)}" if errors else "",
        f"{advice} piece{'s' * (advice != 1)} of advice" if advice else "",
    ]
    return ", ".join(filter(None, counted)) or "nothing found"
