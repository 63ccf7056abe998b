"""`tarazu person …`: what is kept of a person, for whoever has a right to it or to its end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tarazu.cli.access import write
from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json
from tarazu.customer_service.personal_data import export_person, pseudonymise_person
from tarazu.security.principals import local_operator

app = typer.Typer(help="What is kept of a person: show it, or make it unknown.", no_args_is_help=True)

CustomerNo = Annotated[str, typer.Argument(help="The company's own number of the customer.")]


@app.command()
def export(customer_no: CustomerNo) -> None:
    """Print everything that is kept of a customer, as JSON. The audit log has it."""
    with reporting(as_json=False):
        print_json(write(lambda session: export_person(session, local_operator(), customer_no)))


@app.command()
def pseudonymise(
    customer_no: CustomerNo,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Make a customer unknown: name, identifiers, telephone and address go, bills and cases stay. Cannot be undone."""
    with reporting(as_json=as_json):
        if not yes:
            typer.confirm("This cannot be undone. Go on?", abort=True, err=True)
        done = write(lambda session: pseudonymise_person(session, local_operator(), customer_no))
        if as_json:
            print_json(asdict(done))
            return
        out.print(
            f"The customer is {done.pseudonym} now; {done.usage_points} usage points lost their address, "
            f"{done.quarantined_rows} refused rows their values.",
            markup=False,
        )
