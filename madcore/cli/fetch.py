"""The command ``fetch``: the weights of metrics, beforehand, for machines without a network."""

from __future__ import annotations

from typing import Any

import click

from madcore.cli.session import Session, talk
from madcore.cli.tables import write_json, write_table
from madcore.errors import MadcoreError
from madcore.registry import Registry

__all__ = ["fetch"]


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_obj
def fetch(session: Session, names: tuple[str, ...], as_json: bool) -> int:
    """Get the weights of metrics, and print the files and their hashes.

    Each metric is built, which downloads what is not there yet, into the folder that TORCH_HOME (of timm's models:
    HF_HOME) names.  Copy it to a machine without a network and set the same variable there.  Records of matches hold
    the same hashes.

    Exit code 3 if any cannot be fetched.

    \b
    Examples:
      madcore fetch lpips.lpips lpips.lpips,net=vgg
      TORCH_HOME=/data/weights madcore fetch piq.dists
    """  # noqa: D301
    files, code = [], 0
    for name in names:
        try:
            files += _files(name, session.registry)
        except MadcoreError as error:
            talk(f"error: {error}")
            code = max(code, error.exit_code)
    if as_json:
        write_json(files)
    elif files:
        rows = [(each["metric"], each["sha256"], f"{each['bytes']:,}", each["path"]) for each in files]
        write_table(rows, ("METRIC", "SHA256", "BYTES", "FILE"))
    return code


def _files(name: str, registry: Registry) -> list[dict[str, Any]]:
    from madcore.lookup import create_metric
    from madcore.weights import hash_file, weight_files

    metric = create_metric(name, registry=registry)
    paths = weight_files(metric.function)
    if not paths:
        talk(f"{name} reads no weights")
    return [
        {
            "metric": metric.name,
            "path": str(path.absolute()),
            "sha256": hash_file(path).removeprefix("sha256:"),
            "bytes": path.stat().st_size,
        }
        for path in paths
    ]
