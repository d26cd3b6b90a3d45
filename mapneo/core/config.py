"""Settings: frozen, with unknown keys refused."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Base of a stage's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
