"""`gerbang connections`: the contracts with banks and acquirers, and what is wrong with them. No database is needed."""

import click

from gerbang.cli._terminal import print_table, show
from gerbang.settings import Settings


@click.group()
def connections() -> None:
    """Contracts with banks and acquirers (GERBANG_CONNECTIONS; see docs/connections.md)."""


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@connections.command("list")
@as_json_option
def connections_list(as_json: bool) -> int:
    """List all connections: what each serves, and who is routed to it.

    Exit code 1 where the file has faults, which are printed on the standard error.
    """
    settings = Settings.from_environment()
    from gerbang import connections_file
    from gerbang.connections_file.listing import listed, to_json

    contents = connections_file.look(settings)
    found = listed(contents)
    if as_json:
        show(to_json({"connections": found, "faults": [str(each) for each in contents.faults]}))
    elif found or not contents.faults:
        print_table([each.in_words() for each in found], none="There are no connections.")
    if contents.faults:
        click.echo(f"gerbang: {contents.complaint}", err=True)
    return 1 if contents.faults else 0


@connections.command("check")
@click.argument("name", required=False)
@as_json_option
def connections_check(name: str | None, as_json: bool) -> int:
    """Look at the file, its keys, and each partner. Exit code 0: all is well; 1: something is wrong.

    Each partner is called once or a few times; nothing is paid. NAME is one connection; all are looked at without it.
    """
    settings = Settings.from_environment()
    from gerbang import connections_file
    from gerbang.connections_file.checks import check
    from gerbang.connections_file.listing import to_json
    from gerbang.logs import on_standard_error

    with on_standard_error():
        checked = check(connections_file.look(settings), name, live=settings.mode == "live")
    wrong = [each for each in checked if not each.ok]
    if as_json:
        show(to_json({"ok": not wrong, "checked": checked}))
        return 1 if wrong else 0
    rows = [
        {
            "connection": each.connection or "(the file)",
            "": "ok" if each.ok else "WRONG",
            "what": each.what,
            "result": each.sentence,
        }
        for each in sorted(checked, key=lambda each: each.connection)
    ]
    print_table(rows, none="There are no connections.")
    show(f"{len(wrong)} of {len(rows)} things are wrong." if wrong else "All is well.")
    return 1 if wrong else 0
