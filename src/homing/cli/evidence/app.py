"""The commands of `homing evidence`, by what they are for: looking, pooling, drawing, bringing in and taking out."""

from __future__ import annotations

import typer

from homing.cli.evidence import background, exchange, look, pictures, pooling, sensitivity

app = typer.Typer(help="Trials, what they reported, and what they add up to.", no_args_is_help=True)
for command, function in (
    ("list", look.list_trials),
    ("show", look.show_trial),
    ("query", look.query),
    ("check", look.check),
    ("claims", look.claims),
    ("gaps", look.gaps),
    ("pool", pooling.pool_question),
    ("sensitivity", sensitivity.sensitivity),
    ("placebo", background.placebo),
    ("network", background.network),
    ("reproduce", background.reproduce),
    ("plot", pictures.plot),
    ("add", exchange.add),
    ("import", exchange.import_file),
    ("export", exchange.export),
):
    app.command(command)(function)
