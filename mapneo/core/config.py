"""Settings: frozen, with unknown keys refused."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

Place = Annotated[str, BeforeValidator(str)]
"""A folder or file, on a disk or in an object store (`s3://…`), for `storage.place`."""


class Config(BaseModel):
    """Base of a stage's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
